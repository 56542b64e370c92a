"""Masks by how much of them is shared, image by image."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, Interval
from tfloss_losses.segmentation.common import counts, dice, places


@tfloss.loss(
    same_shape=("labels", "logits"),
    latex=r"1-\frac1C\sum_c\frac{2\mathrm{TP}_c+s}{2\mathrm{TP}_c+\mathrm{FP}_c+\mathrm{FN}_c+s}",
    range=(0, 1),
    zero_at_optimum=True,
    example="ce + image_dice",
    family="segmentation",
)
def image_dice(labels: Any, logits: Any, *, smooth: Annotated[float, Above(0)] = 1.0) -> Any:
    """Dice loss of each image by itself, so that small things count as much as large ones.

    dice counts over the whole batch.

    labels: (batch, …, 1) or one-hot (batch, …, C).  logits: same shape.
    Returns (batch,): the mean over classes.

    smooth: added above and below, positive, so that an image without a class counts as perfect.

    Source: Milletari, Navab and Ahmadi 2016, "V-Net", with the sums that are not squared.
    """
    return dice(labels, logits, smooth)


@tfloss.loss(
    same_shape=("labels", "logits"),
    latex=r"\log\cosh\mathrm{Dice}",
    range=(0, None),
    zero_at_optimum=True,
    family="segmentation",
)
def log_cosh_dice(labels: Any, logits: Any, *, smooth: Annotated[float, Above(0)] = 1.0) -> Any:
    """Logarithm of the hyperbolic cosine of the Dice loss: smoother near its ends.

    labels: (batch, …, 1) or one-hot (batch, …, C).  logits: same shape.
    Returns (batch,): of each image's Dice loss.

    smooth: added above and below, positive.

    Source: Jadon 2020, "A survey of loss functions for semantic segmentation".
    """
    return tf.math.log(tf.cosh(dice(labels, logits, smooth)))


@tfloss.loss(
    same_shape=("labels", "logits"),
    latex=r"1-\frac{2\sum_cw_c\mathrm{TP}_c+s}{\sum_cw_c(2\mathrm{TP}_c+\mathrm{FP}_c+"
    r"\mathrm{FN}_c)+s},"
    r"\ w_c=\Bigl(\sum y_c\Bigr)^{-2}",
    range=(0, 1),
    zero_at_optimum=True,
    family="segmentation",
)
def generalised_dice(
    labels: Any,
    logits: Any,
    *,
    power: Annotated[float, AtLeast(0)] = 2.0,
    smooth: Annotated[float, Above(0)] = 1e-3,
) -> Any:
    """Generalised Dice loss: classes weighted by their size in each image, rare ones most.

    labels: (batch, …, 1) or one-hot (batch, …, C).  logits: same shape.
    Returns (batch,). A class that is not in an image counts as one of one pixel.

    power: of the class's size in its weight, 0 or more.
    smooth: added above and below, positive.

    Source: Sudre et al. 2017, "Generalised Dice overlap as a deep learning loss function for highly
    unbalanced segmentations".
    """
    hits, alarms, misses = counts(labels, logits)
    weight = tf.maximum(tf.reduce_sum(places(labels), axis=1), 1) ** -power
    shared = 2 * tf.reduce_sum(weight * hits, axis=-1)
    apart = tf.reduce_sum(weight * (alarms + misses), axis=-1)
    return 1 - (shared + smooth) / (shared + apart + smooth)


@tfloss.loss(
    same_shape=("labels", "logits"),
    latex=r"\frac1C\sum_c(1-\mathrm{TI}_c)^{1/\gamma}",
    range=(0, 1),
    zero_at_optimum=False,
    family="segmentation",
)
def focal_tversky(
    labels: Any,
    logits: Any,
    *,
    alpha: Annotated[float, AtLeast(0)] = 0.3,
    beta: Annotated[float, AtLeast(0)] = 0.7,
    gamma: Annotated[float, Interval(1, 3)] = 4 / 3,
    smooth: Annotated[float, Above(0)] = 1.0,
) -> Any:
    """Focal Tversky loss of each image: hard classes count more.

    labels: (batch, …, 1) or one-hot (batch, …, C).  logits: same shape.
    Returns (batch,): the mean over classes.

    alpha, beta: what a false alarm and a miss cost, 0 or more.
    gamma: the inverse of the exponent, in [1, 3]. Below a Tversky loss of 1e-6 the root goes on as
    a
        constant, lest its slope become infinite.
    smooth: added above and below, positive.

    Source: Abraham and Khan 2019, "A novel focal Tversky loss function with improved attention
    U-Net for lesion segmentation"; alpha and beta are as in tversky, the paper's other way round.
    """
    hits, alarms, misses = counts(labels, logits)
    lost = 1 - (hits + smooth) / (hits + alpha * alarms + beta * misses + smooth)
    return tf.reduce_mean(tf.maximum(lost, 1e-6) ** (1 / gamma), axis=-1)
