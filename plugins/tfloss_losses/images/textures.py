"""Images by their textures and frequencies."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import AtLeast
from tfloss.ops import mean_per_example
from tfloss_losses.images.common import BOTH, pictures


@tfloss.loss(
    family="images",
    same_shape=("first_maps", "second_maps"),
    latex=r"\Vert G(a)-G(b)\Vert_F^2,\ G(x)=\tfrac1{hw}\sum_{ij}x_{ij}x_{ij}^\top",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    domains={"first_maps": "maps", "second_maps": "maps"},
    example="style(first_maps=conv1, second_maps=teacher.conv1)",
)
def style(first_maps: Any, second_maps: Any) -> Any:
    """Style of an image: which channels of a layer go together, wherever.

    first_maps, second_maps: (batch, height, width, channels), of one width.
    Returns (batch,): the mean squared difference of the Gram matrices.

    Source: Gatys, Ecker and Bethge 2016, "Image style transfer using convolutional neural
    networks", with Gram matrices divided by the number of places, as in Johnson et al. 2016.
    """
    pictures(1, first_maps=first_maps, second_maps=second_maps)
    one, two = (_gram(maps) for maps in (first_maps, second_maps))
    return mean_per_example(tf.math.squared_difference(one, two))


def _gram(maps: Any) -> Any:
    size = maps.shape[1:3].num_elements()
    places = tf.reshape(maps, [-1, size, maps.shape[-1]])
    return tf.matmul(places, places, transpose_a=True) / size


@tfloss.loss(
    family="images",
    same_shape=("labels", "prediction"),
    latex=r"\mathrm{mean}_{uvc}|F_{uvc}|^\alpha/\max|F_c|^\alpha\cdot|F_{uvc}|^2,\ F=\mathcal "
    r"F(a-b)",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    domains=BOTH,
    exempt={"gradient equals finite differences": "the weights are constants in the gradient"},
    example="mse + focal_frequency(labels=picture, prediction=drawn)",
)
def focal_frequency(
    labels: Any, prediction: Any, *, alpha: Annotated[float, AtLeast(0)] = 1.0
) -> Any:
    """Focal frequency loss: the error's spectrum, in which what is hard counts most.

    labels, prediction: (batch, height, width, channels).
    Returns (batch,): the mean over frequencies and channels, with an orthonormal transform.

    alpha: how much more a large error counts, 0 or more.

    Source: Jiang et al. 2021, "Focal frequency loss for image reconstruction and synthesis".
    """
    pictures(2, labels=labels, prediction=prediction)
    error = tf.transpose(labels - prediction, [0, 3, 1, 2])
    pixels = tf.cast(tf.reduce_prod(tf.shape(error)[2:]), error.dtype)
    spectrum = tf.signal.fft2d(tf.complex(error, tf.zeros_like(error)))
    power = (tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))) / pixels
    floored = tf.maximum(power, 1e-20)
    # The quotient first: a high power of a small number is 0, and 0/0 NaN.
    share = floored / tf.reduce_max(floored, axis=[2, 3], keepdims=True)
    weight = tf.stop_gradient(share ** (alpha / 2))
    return mean_per_example(weight * power)
