"""How alike two images are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, Constraint, Each, Length
from tfloss.ops import mean_per_example
from tfloss_losses.images.common import BOTH, pictures


class _Odd(Constraint):
    """An odd whole number, so that a window has a middle."""

    def refusal(self, value: Any) -> str | None:
        right = isinstance(value, int) and value > 0 and value % 2 == 1
        return None if right else "must be odd and positive"

    def examples(self, default: Any) -> tuple[Any, ...]:
        return (1, default)

    def __str__(self) -> str:
        return "odd"


def _gauss(window: int, sigma: float, like: Any) -> Any:
    """The one-dimensional kernel of a Gaussian window, which adds up to one."""
    places = [place - (window - 1) / 2 for place in range(window)]
    weights = [math.exp(-(place**2) / (2 * sigma**2)) for place in places]
    return tf.constant([weight / sum(weights) for weight in weights], like.dtype)


def _blurred(image: Any, kernel: Any) -> Any:
    """Weighted means of windows that lie wholly inside, channel by channel."""
    channels, size = image.shape[-1], kernel.shape[0]
    for shape in ((size, 1, 1, 1), (1, size, 1, 1)):
        each = tf.tile(tf.reshape(kernel, shape), [1, 1, channels, 1])
        image = tf.nn.depthwise_conv2d(image, each, [1, 1, 1, 1], "VALID")
    return image


def _similarity(labels: Any, prediction: Any, window: int, sigma: float, maximum: float) -> Any:
    """Structural similarity with and without its luminance, each (batch, rows, columns, channels).

    Of each window the mean is taken off first: the difference of squares of tf.image.ssim loses its
    digits, and its gradient, on even areas.
    """
    kernel = _gauss(window, sigma, labels)
    one, two = _blurred(labels, kernel), _blurred(prediction, kernel)
    middle = tf.reduce_mean(labels, axis=[1, 2], keepdims=True)
    a, b = labels - middle, prediction - middle
    mean_a, mean_b = one - middle, two - middle
    spread = _blurred(tf.square(a) + tf.square(b), kernel) - tf.square(mean_a) - tf.square(mean_b)
    shared = _blurred(a * b, kernel) - mean_a * mean_b
    first, second = (0.01 * maximum) ** 2, (0.03 * maximum) ** 2
    structure = (2 * shared + second) / (tf.nn.relu(spread) + second)
    luminance = (2 * one * two + first) / (tf.square(one) + tf.square(two) + first)
    return luminance * structure, structure


@tfloss.loss(
    family="images",
    same_shape=("labels", "prediction"),
    latex=r"1-\mathrm{mean}\frac{(2\mu_a\mu_b+c_1)(2\sigma_{ab}+c_2)}"
    r"{(\mu_a^2+\mu_b^2+c_1)(\sigma_a^2+\sigma_b^2+c_2)}",
    range=(0, 2),
    zero_at_optimum=True,
    symmetric=True,
    domains=BOTH,
    example="mae + ssim(labels=picture, prediction=drawn)",
)
def ssim(
    labels: Any,
    prediction: Any,
    *,
    window: Annotated[int, _Odd()] = 11,
    sigma: Annotated[float, Above(0)] = 1.5,
    maximum: Annotated[float, Above(0)] = 1.0,
) -> Any:
    """Structural similarity, from one: brightness, contrast and structure of small windows.

    labels, prediction: (batch, height, width, channels), from 0 to `maximum`.
    Returns (batch,): one minus the mean over windows inside the image and over channels. The
    gradient is finite on even areas too.

    window: side of the Gaussian window in pixels, odd; images are at least as large.
    sigma: standard deviation of the window in pixels, positive.
    maximum: the largest value of a pixel, positive: 1, or 255.

    Source: Wang et al. 2004, "Image quality assessment: from error visibility to structural
    similarity", with its constants 0.01 and 0.03.
    """
    pictures(window, labels=labels, prediction=prediction)
    return 1 - mean_per_example(_similarity(labels, prediction, window, sigma, maximum)[0])


@tfloss.loss(
    family="images",
    same_shape=("labels", "prediction"),
    latex=r"1-\mathrm{mean}_c\,\mathrm{SSIM}_M^{w_M}\prod_{j<M}\mathrm{cs}_j^{w_j}",
    range=(0, 1),
    zero_at_optimum=True,
    symmetric=True,
    domains=BOTH,
    exempt={
        "can be called": "five scales need 176 pixels on a side; see its own tests",
        "settings over their range": "five scales need 16 pixels on a side even of a window of 1",
    },
    example="ms_ssim(labels=picture, prediction=drawn, window=3, scales=[0.5, 0.5])",
)
def ms_ssim(
    labels: Any,
    prediction: Any,
    *,
    window: Annotated[int, _Odd()] = 11,
    sigma: Annotated[float, Above(0)] = 1.5,
    maximum: Annotated[float, Above(0)] = 1.0,
    scales: Annotated[Sequence[float], Length(1), Each(Above(0))] = (
        0.0448,
        0.2856,
        0.3001,
        0.2363,
        0.1333,
    ),
) -> Any:
    """Multi-scale structural similarity, from one: the image and its halves, quarters, and so on.

    labels, prediction: (batch, height, width, channels), from 0 to `maximum`; at the last scale the
    image must still hold a window: 176 pixels on a side by default.
    Returns (batch,): one minus the mean over channels. Halving leaves out an odd last row. Below
    1e-4 a factor counts as 1e-4, so that its root has a slope.

    window: side of the Gaussian window in pixels, odd.
    sigma: standard deviation of the window in pixels, positive.
    maximum: the largest value of a pixel, positive.
    scales: the exponent of each scale, from the finest on; positive.

    Source: Wang, Simoncelli and Bovik 2003, "Multiscale structural similarity for image quality
    assessment", with its exponents.
    """
    pictures(window * 2 ** (len(scales) - 1), labels=labels, prediction=prediction)
    logs = 0.0
    for number, exponent in enumerate(scales):
        if number:
            labels, prediction = (
                tf.nn.avg_pool2d(image, 2, 2, "VALID") for image in (labels, prediction)
            )
        found = _similarity(labels, prediction, window, sigma, maximum)
        factor = tf.reduce_mean(found[0 if number == len(scales) - 1 else 1], axis=[1, 2])
        logs += exponent * tf.math.log(tf.maximum(factor, 1e-4))
    return 1 - tf.reduce_mean(tf.exp(logs), axis=-1)


@tfloss.loss(
    family="images",
    same_shape=("labels", "prediction"),
    latex=r"10\log_{10}\frac{\mathrm{mean}(a-b)^2+\epsilon}{m^2}",
    symmetric=True,
    domains=BOTH,
    example="psnr(labels=picture, prediction=drawn)",
)
def psnr(
    labels: Any,
    prediction: Any,
    *,
    maximum: Annotated[float, Above(0)] = 1.0,
    smallest: Annotated[float, Above(0)] = 1e-10,
) -> Any:
    """Peak signal-to-noise ratio, negative: the logarithm of each image's mean squared error.

    labels, prediction: (batch, …), from 0 to `maximum`.
    Returns (batch,), in decibels below the largest value.

    maximum: the largest value of a pixel, positive.
    smallest: ε, added to the mean squared error over maximum², positive: -100 dB by default.

    Source: the definition in Wang et al. 2004, "Image quality assessment: from error visibility to
    structural similarity".
    """
    square = mean_per_example(tf.math.squared_difference(labels, prediction)) / maximum**2
    return 10 / math.log(10) * tf.math.log(square + smallest)
