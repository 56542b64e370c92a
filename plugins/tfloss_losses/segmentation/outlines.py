"""Masks by where their outlines and centre lines run."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, Interval
from tfloss.ops import mean_per_example
from tfloss_losses.segmentation.common import probabilities


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
    return mean_per_example(distances * probabilities(logits))


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
    error = tf.math.squared_difference(probabilities(logits), labels)
    return mean_per_example(error * tf.maximum(distances, 1e-12) ** alpha)


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
