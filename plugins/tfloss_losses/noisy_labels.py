"""Classification when some of the labels are wrong.

Here y is one-hot, (batch, C), or the second class's column, (batch, 1); one column of logits is
taken through the sigmoid, more through the softmax.
"""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import AtLeast, Interval
from tfloss.ops import as_distribution, floored_log, log_probs


@tfloss.loss(
    same_shape=("labels", "logits"),
    latex=r"\sum_c y_c\frac{1-p_c^q}{q}",
    range=(0, None),
    zero_at_optimum=True,
    family="classification",
)
def gce(labels: Any, logits: Any, *, q: Annotated[float, Interval(0, 1, "right")] = 0.7) -> Any:
    """Generalised cross-entropy: between cross-entropy and absolute error, for noisy labels.

    labels: (batch, 1) or one-hot (batch, C).  logits: same shape.
    Returns (batch,), between 0 and 1/q.

    q: in (0, 1]; towards 0 it is cross-entropy, at 1 it is 1 - p of the label.

    Source: Zhang and Sabuncu 2018, "Generalized cross entropy loss", eq. 6.
    """
    y = as_distribution(labels)
    return -tf.reduce_sum(y * tf.math.expm1(q * log_probs(logits)), axis=-1) / q


@tfloss.loss(
    same_shape=("labels", "logits"),
    latex=r"-\alpha\sum_c y_c\log p_c-\beta\sum_c p_c\max(\log y_c,A)",
    range=(0, None),
    zero_at_optimum=True,
    family="classification",
    example="sce(alpha=0.1, beta=1)",
)
def sce(
    labels: Any,
    logits: Any,
    *,
    alpha: Annotated[float, AtLeast(0)] = 0.1,
    beta: Annotated[float, AtLeast(0)] = 1.0,
    log_zero: Annotated[float, Interval(-16, 0, "neither")] = -4.0,
) -> Any:
    """Symmetric cross-entropy: cross-entropy plus its reverse, which bears wrong labels.

    labels: (batch, 1) or one-hot (batch, C).  logits: same shape.
    Returns (batch,).

    alpha, beta: weights of the cross-entropy and of the reverse one.
    log_zero: A, negative: what stands for the logarithm of a label of zero; above -16.

    Conventions: log_zero=-4 is the A of the paper; the authors' code floors the labels at 1e-4,
    log_zero=-9.21.

    Source: Wang et al. 2019, "Symmetric cross entropy for robust learning with noisy labels".
    """
    y, log_p = as_distribution(labels), log_probs(logits)
    forward = -tf.reduce_sum(y * log_p, axis=-1)
    reverse = -tf.reduce_sum(tf.exp(log_p) * tf.maximum(floored_log(y), log_zero), axis=-1)
    return alpha * forward + beta * reverse


@tfloss.loss(
    same_shape=("labels", "logits"),
    latex=r"\sum_c y_c\sum_{k=1}^{t}\frac{(1-p_c)^k}{k}",
    range=(0, None),
    zero_at_optimum=True,
    family="classification",
)
def taylor_ce(labels: Any, logits: Any, *, order: Annotated[int, AtLeast(1)] = 2) -> Any:
    """Taylor cross-entropy: the first terms of cross-entropy's series, bounded for noisy labels.

    labels: (batch, 1) or one-hot (batch, C).  logits: same shape.
    Returns (batch,).

    order: t, the number of terms, 1 or more; 1 is 1 - p of the label, many are cross-entropy.

    Source: Feng et al. 2020, "Can cross entropy loss be robust to label noise?", the loss
    Taylor-CE.
    """
    y, missing = as_distribution(labels), -tf.math.expm1(log_probs(logits))
    # Horner's rule: no powers, whose slope at zero would need care.
    series = tf.zeros_like(missing)
    for k in range(int(order), 0, -1):
        series = missing * (1 / k + series)
    return tf.reduce_sum(y * series, axis=-1)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [gce, sce, taylor_ce]
