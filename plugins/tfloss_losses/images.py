"""Images: likeness as people see it, and smoothness. (batch, height, width, channels)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, Constraint, Each, Interval, Length
from tfloss.ops import mean_per_example, same_shape

_BOTH = {"labels": "images", "prediction": "images"}


class _Odd(Constraint):
    """An odd whole number, so that a window has a middle."""

    def refusal(self, value: Any) -> str | None:
        right = isinstance(value, int) and value > 0 and value % 2 == 1
        return None if right else "must be odd and positive"

    def examples(self, default: Any) -> tuple[Any, ...]:
        return (1, default)

    def __str__(self) -> str:
        return "odd"


def _pictures(least: int = 1, **images: Any) -> None:
    """Refuse what is no image, or one with a side shorter than `least` pixels."""
    for name, image in images.items():
        if len(image.shape) != 4:
            raise ValueError(
                f"'{name}' must be (batch, height, width, channels), but its shape is "
                f"{tuple(image.shape)}."
            )
        if min(image.shape[1] or least, image.shape[2] or least) < least:
            raise ValueError(
                f"'{name}' has the shape {tuple(image.shape)}, but needs {least} pixels on a side."
            )


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
    same_shape=("labels", "prediction"),
    latex=r"1-\mathrm{mean}\frac{(2\mu_a\mu_b+c_1)(2\sigma_{ab}+c_2)}"
    r"{(\mu_a^2+\mu_b^2+c_1)(\sigma_a^2+\sigma_b^2+c_2)}",
    range=(0, 2),
    zero_at_optimum=True,
    symmetric=True,
    domains=_BOTH,
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
    _pictures(window, labels=labels, prediction=prediction)
    return 1 - mean_per_example(_similarity(labels, prediction, window, sigma, maximum)[0])


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"1-\mathrm{mean}_c\,\mathrm{SSIM}_M^{w_M}\prod_{j<M}\mathrm{cs}_j^{w_j}",
    range=(0, 1),
    zero_at_optimum=True,
    symmetric=True,
    domains=_BOTH,
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
    _pictures(window * 2 ** (len(scales) - 1), labels=labels, prediction=prediction)
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
    same_shape=("labels", "prediction"),
    latex=r"10\log_{10}\frac{\mathrm{mean}(a-b)^2+\epsilon}{m^2}",
    symmetric=True,
    domains=_BOTH,
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


def _steps(image: Any) -> tuple[Any, Any]:
    """Differences of neighbours down and across."""
    return image[:, 1:] - image[:, :-1], image[:, :, 1:] - image[:, :, :-1]


@tfloss.loss(
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
    _pictures(2, image=image)
    total = 0.0
    for step in _steps(image):
        size = tf.abs(step) if power == 1 else tf.maximum(tf.abs(step), 1e-20) ** power
        total += tf.reduce_sum(size, axis=[1, 2, 3])
    return total / tf.cast(tf.reduce_prod(tf.shape(image)[1:]), image.dtype)


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"\mathrm{mean}\bigl||\nabla a|-|\nabla b|\bigr|^p",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    domains=_BOTH,
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
    _pictures(2, labels=labels, prediction=prediction)
    total = 0.0
    for is_, said in zip(_steps(labels), _steps(prediction), strict=True):
        apart = tf.abs(tf.abs(is_) - tf.abs(said))
        total += mean_per_example(apart if power == 1 else tf.maximum(apart, 1e-20) ** power)
    return total


@tfloss.loss(
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
    _pictures(2, disparity=disparity)
    _pictures(2, image=image)
    same_shape(disparity=disparity[..., :1], image=image[..., :1])
    total = 0.0
    for slope, edge in zip(_steps(disparity), _steps(image), strict=True):
        weight = tf.exp(-tf.reduce_mean(tf.abs(edge), axis=-1, keepdims=True))
        total += mean_per_example(tf.abs(slope) * weight)
    return total


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"\frac1n\sum_ud_u^2-\frac\lambda{n^2}\Bigl(\sum_ud_u\Bigr)^2,\ d=\log y-\log\hat y",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    domains={"labels": "amounts", "prediction": "amounts"},
    example="scale_invariant_log(labels=picture, prediction=drawn)",
)
def scale_invariant_log(
    labels: Any,
    prediction: Any,
    *,
    share: Annotated[float, Interval(0, 1)] = 0.5,
    smallest: Annotated[float, Above(0)] = 1e-3,
) -> Any:
    """Scale-invariant log error, for depth: relations count more than the scale of the whole.

    labels, prediction: (batch, …), above 0.
    Returns (batch,).

    share: λ, of the mean error that is forgiven, from 0 to 1.
    smallest: what a smaller value counts as, in the unit of both; positive.

    Source: Eigen, Puhrsch and Fergus 2014, "Depth map prediction from a single image using a
    multi-scale deep network", eq. 4.
    """
    one, two = (tf.math.log(tf.maximum(x, smallest)) for x in (labels, prediction))
    apart = one - two
    mean = mean_per_example(apart)
    lag = apart - tf.reshape(mean, [-1] + [1] * (len(apart.shape) - 1))
    # The variance plus what is left of the mean: no difference of two large squares.
    return mean_per_example(tf.square(lag)) + (1 - share) * tf.square(mean)


@tfloss.loss(
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
    _pictures(1, first_maps=first_maps, second_maps=second_maps)
    one, two = (_gram(maps) for maps in (first_maps, second_maps))
    return mean_per_example(tf.math.squared_difference(one, two))


def _gram(maps: Any) -> Any:
    size = maps.shape[1:3].num_elements()
    places = tf.reshape(maps, [-1, size, maps.shape[-1]])
    return tf.matmul(places, places, transpose_a=True) / size


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"\mathrm{mean}_{uvc}|F_{uvc}|^\alpha/\max|F_c|^\alpha\cdot|F_{uvc}|^2,\ F=\mathcal "
    r"F(a-b)",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    domains=_BOTH,
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
    _pictures(2, labels=labels, prediction=prediction)
    error = tf.transpose(labels - prediction, [0, 3, 1, 2])
    pixels = tf.cast(tf.reduce_prod(tf.shape(error)[2:]), error.dtype)
    spectrum = tf.signal.fft2d(tf.complex(error, tf.zeros_like(error)))
    power = (tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))) / pixels
    floored = tf.maximum(power, 1e-20)
    # The quotient first: a high power of a small number is 0, and 0/0 NaN.
    share = floored / tf.reduce_max(floored, axis=[2, 3], keepdims=True)
    weight = tf.stop_gradient(share ** (alpha / 2))
    return mean_per_example(weight * power)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [
        ssim,
        ms_ssim,
        psnr,
        image_total_variation,
        gradient_difference,
        edge_aware_smoothness,
        scale_invariant_log,
        style,
        focal_frequency,
    ]
