"""Functions of one value at a time, between losses and inside arguments alike.

Several have the names of Python's own functions, which this module therefore does not use.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import tfloss
from tfloss import tf
from tfloss_functions import bounds

# Below this a square root or a logarithm is not followed further: its slope stays finite.
_SMALLEST = 1e-30


@tfloss.function(name="abs", latex=r"\left|{0}\right|", bounds=bounds.of_absolute)
def absolute(x: Any) -> Any:
    """Absolute value; its derivative at 0 is 0."""
    return tf.abs(x)


@tfloss.function(latex=r"\log\left({0}\right)", bounds=partial(bounds.of_log, smallest=_SMALLEST))
def log(x: Any) -> Any:
    """Natural logarithm; below 1e-30 it is that of 1e-30 (-69.08), with derivative 0."""
    return tf.math.log(tf.maximum(x, _SMALLEST))


@tfloss.function(latex=r"\exp\left({0}\right)", bounds=bounds.of_exp)
def exp(x: Any) -> Any:
    """Exponential function; infinite above 88.7 in float32: clip an argument that may come near."""
    return tf.exp(x)


@tfloss.function(latex=r"\sqrt{{{0}}}", bounds=bounds.of_sqrt)
def sqrt(x: Any) -> Any:
    """Square root; 0 with derivative 0 for arguments below 1e-30, negative ones included."""
    root = tf.sqrt(tf.maximum(x, _SMALLEST))
    # Asked this way round, as every comparison with NaN is false: it must stay NaN.
    return tf.where(x <= _SMALLEST, tf.zeros_like(root), root)


@tfloss.function(latex=r"{0}^2", bounds=bounds.of_square)
def square(x: Any) -> Any:
    """Square."""
    return tf.square(x)


@tfloss.function(latex=r"\mathrm{{clip}}\left({0},{1},{2}\right)", bounds=bounds.of_clip)
def clip(x: Any, low: Any, high: Any) -> Any:
    """`x` kept between `low` and `high`; the derivative is 0 outside."""
    return tf.minimum(tf.maximum(x, low), high)


@tfloss.function(latex=r"\min\left({0},{1}\right)", bounds=bounds.of_minimum)
def minimum(x: Any, y: Any) -> Any:
    """The smaller of two values, element by element."""
    return tf.minimum(x, y)


@tfloss.function(latex=r"\max\left({0},{1}\right)", bounds=bounds.of_maximum)
def maximum(x: Any, y: Any) -> Any:
    """The larger of two values, element by element."""
    return tf.maximum(x, y)


@tfloss.function(latex=r"\mathrm{{sg}}\left({0}\right)", bounds=lambda of: of)
def stop_gradient(x: Any) -> Any:
    """`x` as a constant: its value counts, its gradient does not."""
    return tf.stop_gradient(x)


@tfloss.function(
    on="losses",
    latex=r"\frac{{{0}}}{{\overline{{\left|{0}\right|}}}}",
    bounds=bounds.of_sign,
)
def normalize(x: Any) -> Any:
    """A loss divided by its mean magnitude in the batch, so that losses of any scale weigh alike.

    x: (batch,).  Returns (batch,), of mean magnitude 1, or 0 where all are 0. The divisor is a
    constant to the gradient: the direction of descent is the loss's own.
    """
    return x / tf.maximum(tf.stop_gradient(tf.reduce_mean(tf.abs(x))), _SMALLEST)


@tfloss.hookimpl
def tfloss_functions() -> list[Any]:
    """Register this module's functions."""
    return [absolute, log, exp, sqrt, square, clip, minimum, maximum, stop_gradient, normalize]
