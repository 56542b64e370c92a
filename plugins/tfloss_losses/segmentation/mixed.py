"""Masks by several measures at once."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, Interval
from tfloss.ops import columns, log_probs, mean_per_example, same_shape, zero_without_weight
from tfloss_losses.segmentation.common import dice, places, probabilities


@tfloss.loss(
    same_shape=("labels", "logits"),
    latex=r"\tfrac\alpha n\sum-\beta y\log p-(1-\beta)(1-y)\log(1-p)+(1-\alpha)\,\mathrm{Dice}",
    range=(0, None),
    zero_at_optimum=True,
    family="segmentation",
)
def combo(
    labels: Any,
    logits: Any,
    *,
    share: Annotated[float, Interval(0, 1)] = 0.5,
    beta: Annotated[float, Interval(0, 1)] = 0.5,
    smooth: Annotated[float, Above(0)] = 1.0,
) -> Any:
    """Combo loss: weighted cross-entropy and Dice together.

    labels: (batch, …, 1) or one-hot (batch, …, C).  logits: same shape; each class is a yes or no
    of its own in the cross-entropy.
    Returns (batch,).

    share: α, of the cross-entropy, from 0 to 1; the rest is the Dice loss (the paper subtracts the
        coefficient).
    beta: above ½ a miss costs more, below a false alarm; from 0 to 1.
    smooth: added above and below, positive.

    Source: Taghanaki et al. 2019, "Combo loss: handling input and output imbalance in multi-organ
    segmentation".
    """
    missed = labels * tf.nn.softplus(-logits)
    alarm = (1 - labels) * tf.nn.softplus(logits)
    entropy = mean_per_example(beta * missed + (1 - beta) * alarm)
    return share * entropy + (1 - share) * dice(labels, logits, smooth)


@tfloss.loss(
    per="batch",
    same_shape=("labels", "logits"),
    latex=r"1-\frac1C\sum_c\frac{\mathrm{TP}\,\mathrm{TN}-\mathrm{FP}\,\mathrm{FN}}"
    r"{\sqrt{(\mathrm{TP}+\mathrm{FP})(\mathrm{TP}+\mathrm{FN})(\mathrm{TN}+\mathrm{FP})("
    r"\mathrm{TN}+\mathrm{FN})}}",
    range=(0, 2),
    family="segmentation",
    example="bce + matthews",
)
def matthews(labels: Any, logits: Any, sample_weight: Any = None) -> Any:
    """Matthews correlation coefficient, from one: true negatives count too.

    labels: (batch, …, 1) or one-hot (batch, …, C).  logits: same shape.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: over all places of the batch, the mean over classes. A class that is
    everywhere or nowhere, by label or by answer, has the coefficient 0.

    Source: Abhishek and Hamarneh 2021, "Matthews correlation coefficient loss for deep
    convolutional
    networks: application to skin lesion segmentation".
    """
    probs, truth = places(probabilities(logits)), places(labels)
    weight = tf.ones_like(truth)
    if sample_weight is not None:
        same_shape(examples=truth[:, 0, 0], sample_weight=sample_weight)
        weight *= sample_weight[:, None, None]
    truth = tf.where(weight == 0, tf.zeros_like(truth), truth)
    probs = tf.where(weight == 0, tf.zeros_like(probs), probs)
    total = tf.maximum(tf.reduce_sum(weight, axis=[0, 1]), 1e-12)

    def mean(values: Any) -> Any:
        return tf.reduce_sum(weight * values, axis=[0, 1]) / total

    is_, said = mean(truth), mean(probs)
    # TP·TN - FP·FN is n² times the covariance; the root holds both classes' n² variances.
    covariance = mean((truth - is_) * (probs - said))
    square = is_ * (1 - is_) * said * (1 - said)
    constant = square <= 1e-12
    scale = tf.math.rsqrt(tf.where(constant, tf.ones_like(square), square))
    found = tf.where(constant, 0 * covariance, covariance * scale)
    return zero_without_weight(1 - tf.reduce_mean(found), weight)


@tfloss.loss(
    same_shape=("labels", "logits"),
    latex=r"\lambda\frac1n\sum-\delta_y(1-p_y)^{1-\gamma}\log p_y+(1-\lambda)\frac1C\sum_c"
    r"(1-\mathrm{mTI}_c)^\gamma",
    range=(0, None),
    zero_at_optimum=False,
    family="segmentation",
)
def unified_focal(
    labels: Any,
    logits: Any,
    *,
    share: Annotated[float, Interval(0, 1)] = 0.5,
    delta: Annotated[float, Interval(0, 1, "neither")] = 0.6,
    gamma: Annotated[float, Interval(0, 1, "left")] = 0.5,
    smooth: Annotated[float, Above(0)] = 1e-3,
) -> Any:
    """Unified focal loss: focal cross-entropy and focal Tversky with three settings for all.

    labels: (batch, …, 1) or one-hot (batch, …, C).  logits: same shape.
    Returns (batch,): the symmetric variant. On one column the background is a class as well.

    share: λ, of the cross-entropy, from 0 to 1.
    delta: what a miss weighs in the Tversky index (a false alarm 1 - δ), and the place of every
    class
        in the cross-entropy; in (0, 1).
    gamma: the focus, in [0, 1); the cross-entropy's exponent is 1 - γ, the Tversky loss's is γ.
    Below
        1e-6 the roots go on as a constant.
    smooth: added above and below, positive.

    Source: Yeung et al. 2022, "Unified focal loss: generalising Dice and cross entropy-based
    losses to handle class imbalanced medical image segmentation".
    """
    truth, log_p = places(labels), log_probs(places(logits))
    if columns(labels) == 1:
        truth = tf.concat([1 - truth, truth], axis=-1)
    log_rest = tf.math.log(tf.maximum(-tf.math.expm1(log_p), 1e-6))
    focal = tf.exp((1 - gamma) * log_rest) * log_p
    entropy = -delta * tf.reduce_mean(tf.reduce_sum(truth * focal, axis=-1), axis=1)
    probs = tf.exp(log_p)
    hits = tf.reduce_sum(truth * probs, axis=1)
    alarms = tf.reduce_sum((1 - truth) * probs, axis=1)
    misses = tf.reduce_sum(truth * (1 - probs), axis=1)
    index = (hits + smooth) / (hits + delta * misses + (1 - delta) * alarms + smooth)
    overlap = tf.reduce_mean(tf.maximum(1 - index, 1e-6) ** gamma, axis=-1)
    return share * entropy + (1 - share) * overlap
