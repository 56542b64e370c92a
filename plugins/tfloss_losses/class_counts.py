"""Classes of very unequal size, told by how many examples each has in the training set.

`counts` is a list, first class first: logit_adjusted(counts=[9000, 1000]). Without it all classes
count as equally large.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, Each, Interval, PerColumn
from tfloss.ops import as_distribution, columns, log_probs, several_columns

Counts = Annotated[Sequence[float], Each(Above(0)), PerColumn("logits", classes=True)] | None


def _counted(counts: Sequence[float] | None, classes: int) -> list[float]:
    """How many examples each class has; all alike where it is not said."""
    return [1.0] * classes if counts is None else [float(count) for count in counts]


def _two_or_more(logits: Any) -> Any:
    """Logits with a column per class; one column z is the same as 0 and z."""
    return tf.concat([0 * logits, logits], axis=-1) if columns(logits) == 1 else logits


@tfloss.loss(
    same_shape=("labels", "logits"),
    latex=r"-\log\frac{e^{z_y+\tau\log\pi_y}}{\sum_ce^{z_c+\tau\log\pi_c}}",
    range=(0, None),
    zero_at_optimum=True,
    family="classification",
    example="logit_adjusted(counts=[900, 90, 10])",
)
def logit_adjusted(
    labels: Any,
    logits: Any,
    *,
    counts: Counts = None,
    tau: Annotated[float, AtLeast(0)] = 1.0,
) -> Any:
    """Logit-adjusted cross-entropy: every class counts alike, however rare it is.

    labels: (batch, 1), or one-hot (batch, C).  logits: same shape, without the adjustment, which
    makes them right for classes of equal size.
    Returns (batch,), in nats.

    counts: how many examples each class has, a list of C numbers (two for one column).
    tau: how much of the classes' share pi is taken off, 0 or more; 0 is plain cross-entropy.

    Source: Menon et al. 2021, "Long-tail learning via logit adjustment", eq. 10.
    """
    members, scores = as_distribution(labels), _two_or_more(logits)
    sizes = _counted(counts, columns(scores))
    prior = tf.constant([tau * math.log(n / sum(sizes)) for n in sizes], dtype=scores.dtype)
    return -tf.reduce_sum(members * tf.nn.log_softmax(scores + prior), axis=-1)


@tfloss.loss(
    same_shape=("labels", "logits"),
    latex=r"-\log\frac{e^{s(z_y-\Delta_y)}}{e^{s(z_y-\Delta_y)}+\sum_{c\ne y}e^{sz_c}},"
    r"\ \Delta_c\propto n_c^{-1/4}",
    range=(0, None),
    zero_at_optimum=True,
    family="classification",
    example="ldam(counts=[900, 90, 10])",
)
def ldam(
    labels: Any,
    logits: Any,
    *,
    counts: Counts = None,
    margin: Annotated[float, AtLeast(0)] = 0.5,
    scale: Annotated[float, Above(0)] = 1.0,
) -> Any:
    """Label-distribution-aware margin: the rarer a class, the larger the lead that it needs.

    labels: one-hot (batch, C), C of 2 or more.  logits: same shape.
    Returns (batch,), in nats.

    counts: how many examples each class has, a list of C numbers.
    margin: the margin of the rarest class, 0 or more; others get less, by the fourth root.
    scale: s, positive: what logits are multiplied by; 30 in the paper, for logits that are cosines.

    Source: Cao et al. 2019, "Learning imbalanced datasets with label-distribution-aware margin
    loss", the loss LDAM.
    """
    several_columns("ldam", "use logit_adjusted", logits=logits)
    sizes = _counted(counts, columns(logits))
    leads = [margin * (min(sizes) / count) ** 0.25 for count in sizes]
    harder = logits - labels * tf.constant(leads, dtype=logits.dtype)
    return -tf.reduce_sum(labels * tf.nn.log_softmax(scale * harder), axis=-1)


@tfloss.loss(
    same_shape=("labels", "logits"),
    latex=r"-w_y\log p_y,\ w_c\propto\frac{1-\beta}{1-\beta^{n_c}},\ \sum_cw_c=C",
    range=(0, None),
    zero_at_optimum=True,
    family="classification",
    example="class_balanced(counts=[900, 90, 10])",
)
def class_balanced(
    labels: Any,
    logits: Any,
    *,
    counts: Counts = None,
    beta: Annotated[float, Interval(0, 1, "left")] = 0.999,
) -> Any:
    """Class-balanced cross-entropy: a class weighs by how much its examples tell that is new.

    labels: (batch, 1), or one-hot (batch, C).  logits: same shape.
    Returns (batch,), in nats.

    counts: how many examples each class has, a list of C numbers (two for one column).
    beta: in [0, 1): 0 weighs all classes alike, near 1 they weigh by one over their size.

    Source: Cui et al. 2019, "Class-balanced loss based on effective number of samples".
    """
    members, log_p = as_distribution(labels), log_probs(logits)
    shares = [(1 - beta) / (1 - beta**n) for n in _counted(counts, columns(log_p))]
    weights = tf.constant([len(shares) * share / sum(shares) for share in shares], log_p.dtype)
    return -tf.reduce_sum(weights * members * log_p, axis=-1)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [logit_adjusted, ldam, class_balanced]
