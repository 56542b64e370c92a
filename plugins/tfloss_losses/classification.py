"""Losses between labels and the student's logits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, Each, Interval, PerColumn
from tfloss.ops import columns, log_probs, mean_per_example, same_shape, several_columns
from tfloss_losses import references


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "logits"),
    latex=r"-\frac1C\sum_cw_cy_c\log\sigma(z_c)+(1-y_c)\log(1-\sigma(z_c))",
    range=(0, None),
    zero_at_optimum=True,
    reference=references.bce,
    yes_or_no=True,
)
def bce(
    labels: Any,
    logits: Any,
    *,
    label_smoothing: Annotated[float, Interval(0, 1)] = 0.0,
    pos_weight: Annotated[
        Sequence[float] | float, Each(Above(0), alone=True), PerColumn("logits")
    ] = 1.0,
) -> Any:
    """Binary cross-entropy, for two classes on one unit or for columns that are independent yes/no.

    labels: (batch, 1) or (batch, C), in [0, 1].  logits: same shape, before the sigmoid.
    Returns (batch,), in nats: the mean over the columns.

    label_smoothing: s in [0, 1]; labels become y(1 - s) + s/2.
    pos_weight: w, what a yes weighs, above 0: a number, or a list with one for each column;
        (no's)/(yes's) balances. Applied after smoothing.

    Source: Cox 1958, "The regression analysis of binary sequences"; Bishop 2006, "Pattern
    recognition and machine learning", eq. 4.90; smoothing as in Keras; weights: King and Zeng 2001,
    "Logistic regression in rare events data", as in `tf.nn.weighted_cross_entropy_with_logits`.
    """
    labels = labels * (1 - label_smoothing) + label_smoothing / 2
    if pos_weight == 1:
        each = tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)
    else:
        yes, no = labels * tf.nn.softplus(-logits), (1 - labels) * tf.nn.softplus(logits)
        each = tf.constant(pos_weight, logits.dtype) * yes + no
    return mean_per_example(each)


@tfloss.loss(
    latex=r"-\sum_c w_c y_c\log p_c",
    range=(0, None),
    zero_at_optimum=True,
    example="ce(class_weights=[1, 2, 5])",
    reference=references.ce,
)
def ce(
    labels: Any,
    logits: Any,
    *,
    label_smoothing: Annotated[float, Interval(0, 1)] = 0.0,
    class_weights: Annotated[Sequence[float], Each(AtLeast(0)), PerColumn("logits")] | None = None,
) -> Any:
    """Cross-entropy, for classes that exclude each other, one logit column each.

    labels: (batch, C), one-hot or soft; or integers, (batch,) or (batch, 1);
        a number that is no class makes its example NaN.  logits: (batch, C).
    Returns (batch,), in nats.

    label_smoothing: s in [0, 1]; labels become y(1 - s) + s/C.
    class_weights: C numbers that multiply the classes' shares; none counts all alike.

    Source: Good 1952, "Rational decisions"; Bishop 2006, "Pattern recognition and machine
    learning", eq. 4.108; smoothing: Szegedy et al. 2016, section 7.
    """
    several_columns("ce", "use bce", logits=logits)
    classes = columns(logits)
    labels = _dense(labels, logits)
    labels = labels * (1 - label_smoothing) + label_smoothing / classes
    if class_weights is not None:
        labels *= tf.constant(class_weights, dtype=labels.dtype)
    # Written out: TensorFlow's fused op has a wrong gradient for labels that do not add up to one.
    return -tf.reduce_sum(labels * log_probs(logits), axis=-1)


@tfloss.loss(
    latex=r"-\sum_c y_c\log p_c",
    range=(0, None),
    zero_at_optimum=True,
)
def cross_entropy(
    labels: Any, logits: Any, *, label_smoothing: Annotated[float, Interval(0, 1)] = 0.0
) -> Any:
    """Cross-entropy whatever the number of classes: `bce` on one column, `ce` on several.

    labels: (batch, 1), in [0, 1], or (batch, C), one-hot or soft.  logits: same shape.
    Returns (batch,), in nats.

    label_smoothing: s in [0, 1]; labels become y(1 - s) + s/C, with C = 2 for one column.

    Source: Good 1952, "Rational decisions"; Bishop 2006, "Pattern recognition and machine
    learning", eq. 4.108; smoothing: Szegedy et al. 2016, section 7.
    """
    one = columns(logits) == 1
    return (bce if one else ce)(labels, logits, label_smoothing=label_smoothing)


def _dense(labels: Any, logits: Any) -> Any:
    """One-hot labels in the logits' dtype, from integers or as they are."""
    labels = tf.convert_to_tensor(labels)
    if labels.dtype.is_integer and (len(labels.shape) < 2 or labels.shape[-1] == 1):
        numbers, classes = tf.reshape(labels, [-1]), columns(logits)
        # A number that is no class would be a row of zeros, which costs nothing.
        known = (numbers >= 0) & (numbers < classes)
        nothing = tf.where(known, tf.constant(0.0), tf.constant(float("nan")))
        labels = tf.one_hot(numbers, classes) + nothing[:, None]
    same_shape(labels=labels, logits=logits)
    return tf.cast(labels, logits.dtype)


@tfloss.loss(
    latex=r"-\sum_c p_c\log p_c", range=(0, None), family="penalty", example="ce + 0.1*entropy"
)
def entropy(logits: Any) -> Any:
    """Entropy of the student's own distribution: add it for confident, subtract it for cautious.

    logits: (batch, 1), a Bernoulli distribution, or (batch, C).
    Returns (batch,), in nats, between 0 and log C (log 2 for one column).

    Source: Shannon 1948; as a term: Grandvalet and Bengio 2004, eq. 7.
    """
    log_p = log_probs(logits)
    return -tf.reduce_sum(tf.exp(log_p) * log_p, axis=-1)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [bce, ce, cross_entropy, entropy]
