"""Classification where one class, or the easy examples, would drown the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import AtLeast, Each, Interval, PerColumn
from tfloss.ops import FLOOR, as_distribution, columns, log_probs, mean_per_example
from tfloss_losses import references


@tfloss.loss(
    same_shape=("labels", "logits"),
    latex=r"-\sum_c\alpha_c y_c(1-p_c)^\gamma\log p_c",
    range=(0, None),
    zero_at_optimum=True,
    family="classification",
    example="focal(gamma=2, alpha=0.25)",
    reference=references.focal,
)
def focal(
    labels: Any,
    logits: Any,
    *,
    gamma: Annotated[float, AtLeast(0)] = 2.0,
    alpha: Annotated[
        Sequence[float] | float,
        Each(Interval(0, 1), alone=True),
        PerColumn("logits", classes=True),
    ]
    | None = None,
) -> Any:
    """Focal loss: cross-entropy that fades for well-classified examples, for rare classes.

    labels: (batch, 1), or one-hot (batch, C).  logits: same shape; one column is taken through the
    sigmoid, more through the softmax.
    Returns (batch,).

    gamma: how fast easy examples fade, 0 or more; 0 is plain cross-entropy.
    alpha: weights in [0, 1]: a list with one for each class (two for one column); on one column
        also a number, the weight of the second class, the first getting 1 - alpha. None weighs all
        alike with 1.

    Source: Lin et al. 2017, "Focal loss for dense object detection", eq. 4 and 5.
    """
    y, log_p = as_distribution(labels), log_probs(logits)
    if isinstance(alpha, (int, float)):
        if columns(logits) > 1:
            raise ValueError("'alpha' on several columns is a list, one number for each class.")
        alpha = [1 - alpha, alpha]
    if alpha is not None:
        y *= tf.constant(alpha, dtype=y.dtype)
    # 1 - p without loss of digits; floored, as the power's slope at 0 is infinite for gamma < 1.
    others = tf.maximum(-tf.math.expm1(log_p), FLOOR)
    return -tf.reduce_sum(y * others**gamma * log_p, axis=-1)


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "logits"),
    latex=r"-\frac1C\sum_c y_c(1-p_c)^{\gamma_+}\log p_c"
    r"+(1-y_c)p_{m,c}^{\gamma_-}\log(1-p_{m,c}),\ p_m=\max(p-m,0)",
    range=(0, None),
    zero_at_optimum=True,
    kinks=("p == margin",),
    family="classification",
    example="asymmetric(gamma_negative=4, margin=0.05)",
)
def asymmetric(
    labels: Any,
    logits: Any,
    *,
    gamma_positive: Annotated[float, AtLeast(0)] = 1.0,
    gamma_negative: Annotated[float, AtLeast(0)] = 4.0,
    margin: Annotated[float, Interval(0, 1, "left")] = 0.05,
) -> Any:
    """Asymmetric loss: many independent yes/no columns of which few are yes (multi-label).

    labels: (batch, C), 0 or 1 in each column.  logits: same shape, each through its own sigmoid.
    Returns (batch,): the mean over the columns, which is bce when all three settings are 0.

    gamma_positive, gamma_negative: how fast easy yes and easy no fade, 0 or more.
    margin: m in [0, 1); a no that the student gives less probability than this costs nothing.

    Conventions: a mean over the columns; the authors' code sums them, C times as much. Its
    default of gamma_positive is 1; the gradient is that of its optimized class, through the
    focusing too.

    Source: Ridnik et al. 2021, "Asymmetric loss for multi-label classification".
    """
    p, not_p = tf.sigmoid(logits), tf.sigmoid(-logits)
    log_not_p = tf.math.log_sigmoid(-logits)
    log_no = tf.math.log(tf.minimum(not_p + margin, 1)) if margin else log_not_p
    yes = tf.maximum(not_p, FLOOR) ** gamma_positive * tf.math.log_sigmoid(logits)
    no = tf.maximum(p - margin, FLOOR) ** gamma_negative * log_no
    return -mean_per_example(labels * yes + (1 - labels) * no)


@tfloss.loss(
    same_shape=("labels", "logits"),
    latex=r"-\sum_c y_c\log p_c+\epsilon\Bigl(1-\sum_c y_cp_c\Bigr)",
    range=(0, None),
    zero_at_optimum=True,
    family="classification",
)
def poly1(labels: Any, logits: Any, *, epsilon: Annotated[float, AtLeast(-1)] = 1.0) -> Any:
    """Poly-1 loss: cross-entropy with its first polynomial coefficient tuned by one number.

    labels: (batch, 1), or one-hot (batch, C).  logits: same shape; one column is taken through the
    sigmoid, more through the softmax.
    Returns (batch,).

    epsilon: -1 or more; 0 is plain cross-entropy, more stresses examples still uncertain.

    Source: Leng et al. 2022, "PolyLoss", the loss Poly-1.
    """
    y, log_p = as_distribution(labels), log_probs(logits)
    cross_entropy = -tf.reduce_sum(y * log_p, axis=-1)
    return cross_entropy + epsilon * (1 - tf.reduce_sum(y * tf.exp(log_p), axis=-1))


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [focal, asymmetric, poly1]
