"""Images by the differences of neighbouring pixels."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import AtLeast
from tfloss.ops import mean_per_example, same_shape
from tfloss_losses.images.common import BOTH, pictures


def _steps(image: Any) -> tuple[Any, Any]:
    """Differences of neighbours down and across."""
    return image[:, 1:] - image[:, :-1], image[:, :, 1:] - image[:, :, :-1]


@tfloss.loss(
    family="images",
    latex=r"\frac1{hwc}\sum|x_{i+1,j}-x_{ij}|+|x_{i,j+1}-x_{ij}|",
    range=(0, None),
    kinks=("two neighbours are equal",),
    domains={"image": "images"},
    example="mse + 0.1*image_total_variation(image=drawn)",
)
def image_total_variation(image: Any, *, power: Annotated[float, AtLeast(1)] = 1.0) -> Any:
    """Total variation of an image: neighbouring pixels alike, edges allowed.

    That of distributions is total_variation.

    image: (batch, height, width, channels).
    Returns (batch,): the sum over neighbours down and across, divided by the number of values.

    power: of each difference, 1 or more; 2 is Tikhonov's smoothness.

    Source: Rudin, Osher and Fatemi 1992, "Nonlinear total variation based noise removal
    algorithms", without the root over both directions, as in tf.image.total_variation.
    """
    pictures(2, image=image)
    total = 0.0
    for step in _steps(image):
        size = tf.abs(step) if power == 1 else tf.maximum(tf.abs(step), 1e-20) ** power
        total += tf.reduce_sum(size, axis=[1, 2, 3])
    return total / tf.cast(tf.reduce_prod(tf.shape(image)[1:]), image.dtype)


@tfloss.loss(
    family="images",
    same_shape=("labels", "prediction"),
    latex=r"\mathrm{mean}\bigl||\nabla a|-|\nabla b|\bigr|^p",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    domains=BOTH,
    kinks=("two neighbours are equal",),
    example="mse + gradient_difference(labels=picture, prediction=drawn)",
)
def gradient_difference(
    labels: Any, prediction: Any, *, power: Annotated[float, AtLeast(1)] = 1.0
) -> Any:
    """Gradient difference: edges as sharp as they are, against blurred predictions.

    labels, prediction: (batch, height, width, channels).
    Returns (batch,): the mean over neighbours down plus that over neighbours across.

    power: of each difference of sizes, 1 or more.

    Source: Mathieu, Couprie and LeCun 2016, "Deep multi-scale video prediction beyond mean square
    error", eq. 6, with means.
    """
    pictures(2, labels=labels, prediction=prediction)
    total = 0.0
    for is_, said in zip(_steps(labels), _steps(prediction), strict=True):
        apart = tf.abs(tf.abs(is_) - tf.abs(said))
        total += mean_per_example(apart if power == 1 else tf.maximum(apart, 1e-20) ** power)
    return total


@tfloss.loss(
    family="images",
    latex=r"\mathrm{mean}|\partial_xd|e^{-|\partial_xI|}+\mathrm{mean}|\partial_yd|e^{-|"
    r"\partial_yI|}",
    range=(0, None),
    domains={"disparity": "images*any", "image": "images"},
    kinks=("two neighbours are equal",),
    example="edge_aware_smoothness(disparity=drawn, image=picture)",
)
def edge_aware_smoothness(disparity: Any, image: Any) -> Any:
    """Smoothness of a depth map, but where the image has an edge.

    disparity: (batch, height, width, k), usually k = 1.
    image: (batch, height, width, channels), of the same height and width.
    Returns (batch,): the means over both directions, added.

    Source: Godard, Mac Aodha and Brostow 2017, "Unsupervised monocular depth estimation with
    left-right consistency", the disparity smoothness loss.
    """
    pictures(2, disparity=disparity)
    pictures(2, image=image)
    same_shape(disparity=disparity[..., :1], image=image[..., :1])
    total = 0.0
    for slope, edge in zip(_steps(disparity), _steps(image), strict=True):
        weight = tf.exp(-tf.reduce_mean(tf.abs(edge), axis=-1, keepdims=True))
        total += mean_per_example(tf.abs(slope) * weight)
    return total
