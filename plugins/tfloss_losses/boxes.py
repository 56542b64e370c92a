"""Boxes of detected things: how much of what is and what is said lies in both.

A box is four numbers on the last axis, in one unit for all: with box='corners' two opposite corners
(x, y, x, y), in either order; with box='centre' the middle and the size (x, y, width, height), of
which a negative size counts as its magnitude. (batch, 4) is one box for each example,
(batch, n, 4) several, of which the mean is taken.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, OneOf
from tfloss.ops import FLOOR, columns, mean_per_example

_FOUR = {"labels": "numbers*4", "prediction": "numbers*4"}
_TINY = 1e-9


def _corners(labels: Any, prediction: Any, box: str) -> tuple[Any, Any, Any, Any]:
    """Lower and upper corners of both, each (batch, …, 2)."""
    if columns(labels) != 4:
        raise ValueError(f"A box has 4 columns, but 'labels' has {columns(labels)}.")
    found = []
    for boxes in (labels, prediction):
        one, two = boxes[..., :2], boxes[..., 2:]
        if box == "centre":
            one, two = one - two / 2, one + two / 2
        found += [tf.minimum(one, two), tf.maximum(one, two)]
    return tuple(found)


def _area(low: Any, high: Any) -> Any:
    """Of what lies between two corners; 0 where the upper is not above the lower."""
    sides = tf.nn.relu(high - low)
    return sides[..., 0] * sides[..., 1]


def _overlap(corners: tuple[Any, Any, Any, Any]) -> tuple[Any, Any]:
    """Intersection over union, and the union, both (batch, …)."""
    low, high, low_said, high_said = corners
    common = _area(tf.maximum(low, low_said), tf.minimum(high, high_said))
    union = _area(low, high) + _area(low_said, high_said) - common
    return common / tf.maximum(union, _TINY), union


def _hull(corners: tuple[Any, Any, Any, Any]) -> tuple[Any, Any]:
    """Corners of the smallest box around both."""
    low, high, low_said, high_said = corners
    return tf.minimum(low, low_said), tf.maximum(high, high_said)


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"1-\frac{|A\cap B|}{|A\cup B|}",
    range=(0, 1),
    zero_at_optimum=True,
    symmetric=True,
    domains=_FOUR,
    kinks=("two edges coincide",),
    exempt={"gradient is not clipped away": "boxes apart have no slope; those of giou have one"},
    example="iou(labels=boxes, prediction=hidden1)",
)
def iou(
    labels: Any, prediction: Any, *, box: Annotated[str, OneOf("corners", "centre")] = "corners"
) -> Any:
    """Intersection over union of boxes, from one; without a gradient where they do not touch.

    labels, prediction: (batch, 4) or (batch, …, 4).
    Returns (batch,): the mean over an example's boxes. A box without area is wholly wrong.

    box: 'corners' (x, y, x, y) or 'centre' (x, y, width, height).

    Source: Yu et al. 2016, "UnitBox: an advanced object detection network", with 1 - IoU in the
    place of its logarithm.
    """
    return mean_per_example(1 - _overlap(_corners(labels, prediction, box))[0])


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"1-\frac{|A\cap B|}{|A\cup B|}+\frac{|C|-|A\cup B|}{|C|}",
    range=(0, 2),
    zero_at_optimum=True,
    symmetric=True,
    domains=_FOUR,
    kinks=("two edges coincide",),
    example="giou(labels=boxes, prediction=hidden1)",
)
def giou(
    labels: Any, prediction: Any, *, box: Annotated[str, OneOf("corners", "centre")] = "corners"
) -> Any:
    """Generalised IoU: boxes that do not touch draw nearer, by the space around both.

    labels, prediction: (batch, 4) or (batch, …, 4).
    Returns (batch,): the mean over an example's boxes.

    box: 'corners' (x, y, x, y) or 'centre' (x, y, width, height).

    Source: Rezatofighi et al. 2019, "Generalized intersection over union", algorithm 1.
    """
    corners = _corners(labels, prediction, box)
    shared, union = _overlap(corners)
    around = _area(*_hull(corners))
    return mean_per_example(1 - shared + (around - union) / tf.maximum(around, _TINY))


def _apart(corners: tuple[Any, Any, Any, Any]) -> Any:
    """Squared distance of the centres over the squared diagonal of the box around both."""
    low, high, low_said, high_said = corners
    between = tf.reduce_sum(tf.square(low + high - low_said - high_said), axis=-1) / 4
    around_low, around_high = _hull(corners)
    diagonal = tf.reduce_sum(tf.square(around_high - around_low), axis=-1)
    return between / tf.maximum(diagonal, _TINY)


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"1-\mathrm{IoU}+\frac{\Vert a-b\Vert^2}{c^2}",
    range=(0, 2),
    zero_at_optimum=True,
    symmetric=True,
    domains=_FOUR,
    kinks=("two edges coincide",),
    example="diou(labels=boxes, prediction=hidden1)",
)
def diou(
    labels: Any, prediction: Any, *, box: Annotated[str, OneOf("corners", "centre")] = "corners"
) -> Any:
    """Distance IoU: the centres are drawn together as well.

    labels, prediction: (batch, 4) or (batch, …, 4).
    Returns (batch,): the mean over an example's boxes. c is the diagonal of the box around both.

    box: 'corners' (x, y, x, y) or 'centre' (x, y, width, height).

    Source: Zheng et al. 2020, "Distance-IoU loss: faster and better learning for bounding box
    regression".
    """
    corners = _corners(labels, prediction, box)
    return mean_per_example(1 - _overlap(corners)[0] + _apart(corners))


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"1-\mathrm{IoU}+\frac{\Vert a-b\Vert^2}{c^2}+\lfloor\alpha\rfloor v,"
    r"\ v=\tfrac4{\pi^2}\bigl(\arctan\tfrac{w_a}{h_a}-\arctan\tfrac{w_b}{h_b}\bigr)^2,"
    r"\ \alpha=\frac v{1-\mathrm{IoU}+v}",
    range=(0, 3),
    zero_at_optimum=True,
    domains=_FOUR,
    kinks=("two edges coincide",),
    exempt={"gradient equals finite differences": "alpha is a constant in its gradient"},
    example="ciou(labels=boxes, prediction=hidden1)",
)
def ciou(
    labels: Any, prediction: Any, *, box: Annotated[str, OneOf("corners", "centre")] = "corners"
) -> Any:
    """Complete IoU: overlap, distance of the centres, and the proportion of the sides.

    labels, prediction: (batch, 4) or (batch, …, 4).
    Returns (batch,): the mean over an example's boxes. No gradient flows through alpha.

    box: 'corners' (x, y, x, y) or 'centre' (x, y, width, height).

    Source: Zheng et al. 2020, "Distance-IoU loss: faster and better learning for bounding box
    regression".
    """
    corners = _corners(labels, prediction, box)
    shared = _overlap(corners)[0]
    low, high, low_said, high_said = corners
    turned = _angle(high - low) - _angle(high_said - low_said)
    proportion = 4 / math.pi**2 * tf.square(turned)
    alpha = tf.stop_gradient(proportion / tf.maximum(1 - shared + proportion, _TINY))
    return mean_per_example(1 - shared + _apart(corners) + alpha * proportion)


def _angle(sides: Any) -> Any:
    """arctan(width/height); a box without any size has no angle, and no slope."""
    empty = tf.reduce_sum(tf.square(sides), axis=-1) <= 1e-30
    width = tf.where(empty, 0 * sides[..., 0], sides[..., 0])
    return tf.atan2(width, tf.where(empty, tf.ones_like(width), sides[..., 1]))


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"1-\mathrm{IoU}+\frac{\Vert a-b\Vert^2}{c^2}"
    r"+\frac{(w_a-w_b)^2}{c_w^2}+\frac{(h_a-h_b)^2}{c_h^2}",
    range=(0, 4),
    zero_at_optimum=True,
    symmetric=True,
    domains=_FOUR,
    kinks=("two edges coincide",),
    example="eiou(labels=boxes, prediction=hidden1)",
)
def eiou(
    labels: Any, prediction: Any, *, box: Annotated[str, OneOf("corners", "centre")] = "corners"
) -> Any:
    """Efficient IoU: overlap, distance of the centres, and each side's own length.

    labels, prediction: (batch, 4) or (batch, …, 4).
    Returns (batch,): the mean over an example's boxes. c, c_w and c_h are the diagonal and the
    sides of the box around both.

    box: 'corners' (x, y, x, y) or 'centre' (x, y, width, height).

    Source: Zhang et al. 2022, "Focal and efficient IOU loss for accurate bounding box regression".
    """
    corners = _corners(labels, prediction, box)
    low, high, low_said, high_said = corners
    around_low, around_high = _hull(corners)
    differences = tf.square((high - low) - (high_said - low_said))
    sides = differences / tf.maximum(tf.square(around_high - around_low), _TINY)
    return mean_per_example(
        1 - _overlap(corners)[0] + _apart(corners) + tf.reduce_sum(sides, axis=-1)
    )


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"1-\exp\Bigl(-\tfrac1C\sqrt{\Vert a-b\Vert^2"
    r"+\tfrac14(w_a-w_b)^2+\tfrac14(h_a-h_b)^2}\Bigr)",
    range=(0, 1),
    zero_at_optimum=True,
    symmetric=True,
    domains=_FOUR,
    kinks=("the boxes are equal",),
    example="gaussian_wasserstein_box(labels=boxes, prediction=hidden1, scale=2)",
)
def gaussian_wasserstein_box(
    labels: Any,
    prediction: Any,
    *,
    box: Annotated[str, OneOf("corners", "centre")] = "corners",
    scale: Annotated[float, Above(0)] = 12.8,
) -> Any:
    """Normalised Wasserstein distance of boxes as Gaussians, for things of a few pixels.

    labels, prediction: (batch, 4) or (batch, …, 4).
    Returns (batch,): the mean over an example's boxes.

    box: 'corners' (x, y, x, y) or 'centre' (x, y, width, height).
    scale: C, in the boxes' unit, about the size of a thing; positive.

    Source: Wang et al. 2021, "A normalized Gaussian Wasserstein distance for tiny object
    detection".
    """
    low, high, low_said, high_said = _corners(labels, prediction, box)
    between = tf.reduce_sum(tf.square((low + high - low_said - high_said) / 2), axis=-1)
    sizes = tf.reduce_sum(tf.square((high - low) - (high_said - low_said)), axis=-1)
    square = between + sizes / 4
    distance = tf.sqrt(tf.maximum(square, 1e-12))
    distance = tf.where(square <= 1e-12, 0 * square, distance)
    return mean_per_example(-tf.math.expm1(-distance / scale))


@tfloss.loss(
    same_shape=("labels", "logits"),
    latex=r"-\sum_u[y_u=1](1-p_u)^\alpha\log p_u"
    r"+[y_u<1](1-y_u)^\beta p_u^\alpha\log(1-p_u)",
    range=(0, None),
    domains={"labels": "chances"},
    family="boxes",
    example="penalty_reduced_focal(labels=teacher)",
)
def penalty_reduced_focal(
    labels: Any,
    logits: Any,
    *,
    alpha: Annotated[float, AtLeast(0)] = 2.0,
    beta: Annotated[float, AtLeast(0)] = 4.0,
) -> Any:
    """Focal loss of a map of middles (CornerNet, CenterNet): near a middle a yes costs less.

    labels: (batch, …, C), 1 at a thing's middle and falling to 0 around it.
    logits: same shape, one yes or no for each place and class.
    Returns (batch,), in nats: the sum over places, over the number of middles or one.

    alpha: how much less what is easy counts, 0 or more.
    beta: how much less a place counts that is near a middle, 0 or more.

    Source: Law and Deng 2018, "CornerNet", eq. 1; Zhou et al. 2019, "Objects as points".
    """
    log_p, log_rest = tf.math.log_sigmoid(logits), tf.math.log_sigmoid(-logits)
    # A label of 1 has no distance from one; the sum carries its NaN.
    middle = tf.where(labels >= 1, tf.ones_like(labels), 0 * labels)
    near = tf.maximum(1 - labels, FLOOR) ** beta  # the slope of 0**0 is NaN
    cost = middle * tf.exp(alpha * log_rest) * log_p
    cost += (1 - middle) * near * tf.exp(alpha * log_p) * log_rest
    axes = list(range(1, len(labels.shape)))
    return -tf.reduce_sum(cost, axis=axes) / tf.maximum(tf.reduce_sum(middle, axis=axes), 1)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [iou, giou, diou, ciou, eiou, gaussian_wasserstein_box, penalty_reduced_focal]
