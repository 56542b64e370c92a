"""Segmentation: the overlap of what is and what is said, per image, and its border.

labels: (batch, …, C) one-hot, or (batch, …, 1) with 1 where the thing is; logits: same shape. What
lies between the first axis and the last are places: pixels, voxels, or none.
"""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, Interval
from tfloss.ops import columns, log_probs, mean_per_example, same_shape, zero_without_weight


def _probs(logits: Any) -> Any:
    return tf.sigmoid(logits) if columns(logits) == 1 else tf.nn.softmax(logits)


def _places(values: Any) -> Any:
    """(batch, …, C) as (batch, places, C)."""
    size = values.shape[1:-1].num_elements()
    return tf.reshape(values, [-1, 1 if size is None else size, columns(values)])


def _counts(labels: Any, logits: Any) -> tuple[Any, Any, Any]:
    """Hits, false alarms and misses of each example and class, (batch, C)."""
    probs, truth = _places(_probs(logits)), _places(labels)
    found = (truth * probs, (1 - truth) * probs, truth * (1 - probs))
    return tuple(tf.reduce_sum(count, axis=1) for count in found)


def _dice(labels: Any, logits: Any, smooth: float) -> Any:
    hits, alarms, misses = _counts(labels, logits)
    return 1 - tf.reduce_mean((2 * hits + smooth) / (2 * hits + alarms + misses + smooth), axis=-1)


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
    return _dice(labels, logits, smooth)


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
    return tf.math.log(tf.cosh(_dice(labels, logits, smooth)))


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
    hits, alarms, misses = _counts(labels, logits)
    weight = tf.maximum(tf.reduce_sum(_places(labels), axis=1), 1) ** -power
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
    hits, alarms, misses = _counts(labels, logits)
    lost = 1 - (hits + smooth) / (hits + alpha * alarms + beta * misses + smooth)
    return tf.reduce_mean(tf.maximum(lost, 1e-6) ** (1 / gamma), axis=-1)


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
    return share * entropy + (1 - share) * _dice(labels, logits, smooth)


@tfloss.loss(
    same_shape=("distances", "logits"),
    latex=r"\frac1{nC}\sum\phi\,p",
    domains={"distances": "numbers", "logits": "logits"},
    family="segmentation",
    example="image_dice(labels=outline, logits=drawn) + 0.01*boundary(distances, logits=drawn)",
)
def boundary(distances: Any, logits: Any) -> Any:
    """Boundary loss: what is said to be the thing lies inside its border, deep rather than shallow.

    distances: (batch, …, C), the signed distance to the border of each class, negative inside; a
    column of the data, by scipy.ndimage.distance_transform_edt.
    logits: same shape.
    Returns (batch,): the mean over places and classes, in the distances' unit; the least value is
    not 0 but the mean of the negative distances.

    Source: Kervadec et al. 2019, "Boundary loss for highly unbalanced segmentation", eq. 5.
    """
    return mean_per_example(distances * _probs(logits))


@tfloss.loss(
    same_shape=("labels", "logits", "distances"),
    latex=r"\frac1{nC}\sum(p-y)^2(d_y^\alpha+d_p^\alpha)",
    range=(0, None),
    domains={"distances": "amounts"},
    family="segmentation",
    example="hausdorff_distance(labels=outline, logits=drawn, distances=picture)",
)
def hausdorff_distance(
    labels: Any,
    logits: Any,
    distances: Any,
    *,
    alpha: Annotated[float, Interval(0, 8, "right")] = 2.0,
) -> Any:
    """Hausdorff distance by distance transforms: an error counts by how far off the border it is.

    labels: (batch, …, 1) or one-hot (batch, …, C).  logits: same shape.
    distances: same shape, the unsigned distance of each place to the class's border, a column of
    the data by scipy.ndimage.distance_transform_edt. That to the border of what is said is left
    out: it would have to be computed in each step (the paper's one-sided variant).
    Returns (batch,): the mean over places and classes.

    alpha: of the distance, above 0 and at most 8, so that the power of a distance of 1e4 is finite.

    Source: Karimi and Salcudean 2020, "Reducing the Hausdorff distance in medical image
    segmentation with convolutional neural networks", the one-sided distance transform.
    """
    error = tf.math.squared_difference(_probs(logits), labels)
    return mean_per_example(error * tf.maximum(distances, 1e-12) ** alpha)


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
    probs, truth = _places(_probs(logits)), _places(labels)
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
    latex=r"1-\frac{2\,\mathrm{Tprec}\,\mathrm{Tsens}}{\mathrm{Tprec}+\mathrm{Tsens}},"
    r"\ \mathrm{Tprec}=\frac{|S_p\cap V_y|+s}{|S_p|+s},\ \mathrm{Tsens}=\frac{|S_y\cap V_p|"
    r"+s}{|S_y|+s}",
    range=(0, 1),
    zero_at_optimum=True,
    kinks=("two neighbours are equal",),
    domains={"labels": "images", "logits": "wide_maps"},
    family="segmentation",
    example="image_dice(labels=outline, logits=drawn) + centreline_dice(labels=outline, "
    "logits=drawn)",
)
def centreline_dice(
    labels: Any,
    logits: Any,
    *,
    iterations: Annotated[int, AtLeast(1)] = 3,
    smooth: Annotated[float, Above(0)] = 1.0,
) -> Any:
    """Centreline Dice (clDice), for vessels and roads: skeletons inside the other's mask.

    labels: (batch, height, width, C), from 0 to 1.  logits: same shape, each class a yes or no of
    its own.
    Returns (batch,): the mean over classes.

    iterations: of thinning, as many as the largest radius in pixels, 1 or more.
    smooth: added above and below, positive.

    Source: Shit et al. 2021, "clDice: a novel topology-preserving loss function for tubular
    structure segmentation", algorithms 1 and 2.
    """
    if len(labels.shape) != 4:
        raise ValueError(f"'labels' must be (batch, height, width, C), not {tuple(labels.shape)}.")
    mask = tf.sigmoid(logits)

    def inside(skeleton: Any, other: Any) -> Any:
        shared = tf.reduce_sum(skeleton * other, axis=[1, 2])
        return (shared + smooth) / (tf.reduce_sum(skeleton, axis=[1, 2]) + smooth)

    precision = inside(_skeleton(mask, iterations), labels)
    recall = inside(_skeleton(labels, iterations), mask)
    return 1 - tf.reduce_mean(2 * precision * recall / (precision + recall), axis=-1)


def _skeleton(image: Any, iterations: int) -> Any:
    """Soft skeleton: what each erosion takes away that an opening does not bring back."""
    found = tf.nn.relu(image - _opened(image))
    for _ in range(iterations):
        image = _eroded(image)
        rest = tf.nn.relu(image - _opened(image))
        found += tf.nn.relu(rest - found * rest)
    return found


def _eroded(image: Any) -> Any:
    down, across = (-tf.nn.max_pool2d(-image, size, 1, "SAME") for size in ((3, 1), (1, 3)))
    return tf.minimum(down, across)


def _opened(image: Any) -> Any:
    return tf.nn.max_pool2d(_eroded(image), 3, 1, "SAME")


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
    truth, log_p = _places(labels), log_probs(_places(logits))
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


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [
        image_dice,
        log_cosh_dice,
        generalised_dice,
        focal_tversky,
        combo,
        boundary,
        hausdorff_distance,
        matthews,
        centreline_dice,
        unified_focal,
    ]
