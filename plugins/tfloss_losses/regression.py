"""Losses between a number and its prediction.

`prediction` is the student's raw output for regression, its probabilities for classification. Any
two tensors of one shape will do: `mse(hidden1, teacher_hidden)`.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above
from tfloss.ops import mean_per_example, several_columns, unit_length
from tfloss_losses import references


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "prediction"),
    latex=r"\frac1k\sum_j(\hat y_j-y_j)^2",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    reference=references.mse,
)
def mse(labels: Any, prediction: Any) -> Any:
    """Mean squared error, for Gaussian noise, or for inner tensors that shall agree.

    labels, prediction: (batch, …), the same shape.
    Returns (batch,): the mean over all axes but the first.

    Source: Gauss 1809; as in Keras.
    """
    return mean_per_example(tf.math.squared_difference(prediction, labels))


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "prediction"),
    latex=r"\frac1k\sum_j|\hat y_j-y_j|",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    kinks=("labels == prediction",),
    reference=references.mae,
)
def mae(labels: Any, prediction: Any) -> Any:
    """Mean absolute error, for targets with outliers; it leads to the median.

    labels, prediction: (batch, …), the same shape.
    Returns (batch,): the mean over all axes but the first.

    Source: Laplace 1774; as in Keras.
    """
    return mean_per_example(tf.abs(prediction - labels))


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "prediction"),
    latex=r"\frac1k\sum_j\begin{cases}\frac12e_j^2&|e_j|\le\delta\\"
    r"\delta|e_j|-\frac12\delta^2&\text{else}\end{cases}",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    reference=references.huber,
)
def huber(labels: Any, prediction: Any, *, delta: Annotated[float, Above(0)] = 1.0) -> Any:
    """Huber loss, squared for small errors and absolute for large ones: for a few outliers.

    labels, prediction: (batch, …), the same shape.
    Returns (batch,): the mean over all axes but the first.

    delta: the error, in the target's unit, at which the square turns into a line; positive.

    Source: Huber 1964, "Robust estimation of a location parameter", section 3; as in Keras.
    """
    error = tf.abs(prediction - labels)
    inner = tf.minimum(error, delta)
    # One expression for both branches: e²/2 below delta, delta·e - delta²/2 above it.
    return mean_per_example(inner * (error - inner / 2))


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "prediction"),
    latex=r"\frac1k\sum_j\log\cosh(\hat y_j-y_j)",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
)
def log_cosh(labels: Any, prediction: Any) -> Any:
    """Logarithm of the error's hyperbolic cosine: a huber without a corner and without a setting.

    labels, prediction: (batch, …), the same shape.
    Returns (batch,): the mean over all axes but the first.

    Source: Green 1990, "Bayesian reconstructions from emission tomography data"; as in Keras.
    """
    error = tf.abs(prediction - labels)
    # cosh overflows from an error of 89; this form does not.
    return mean_per_example(error + tf.math.softplus(-2 * error) - math.log(2))


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "prediction"),
    latex=r"\frac1k\sum_j\sqrt{(\hat y_j-y_j)^2+\epsilon^2}",
    range=(0, None),
    zero_at_optimum=False,
    symmetric=True,
)
def charbonnier(labels: Any, prediction: Any, *, epsilon: Annotated[float, Above(0)] = 1e-3) -> Any:
    """Charbonnier loss: absolute error with its corner rounded, for images; epsilon at the optimum.

    labels, prediction: (batch, …), the same shape.
    Returns (batch,): the mean over all axes but the first.

    epsilon: the radius of the rounding, in the target's unit; positive.

    Source: Charbonnier et al. 1994, "Two deterministic half-quadratic regularization algorithms".
    """
    square = tf.math.squared_difference(prediction, labels)
    return mean_per_example(tf.sqrt(square + epsilon**2))


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "prediction"),
    latex=r"\frac1k\sum_j\begin{cases}w\log(1+|e_j|/\epsilon)&|e_j|<w\\"
    r"|e_j|-w+w\log(1+w/\epsilon)&\text{else}\end{cases}",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    kinks=("labels == prediction", "|labels - prediction| == width"),
)
def wing(
    labels: Any,
    prediction: Any,
    *,
    width: Annotated[float, Above(0)] = 10.0,
    epsilon: Annotated[float, Above(0)] = 2.0,
) -> Any:
    """Wing loss: steep for small errors and absolute for large ones, for exact positions.

    labels, prediction: (batch, …), the same shape.
    Returns (batch,): the mean over all axes but the first.

    width: w, the error at which the logarithm turns into a line; positive.
    epsilon: how sharply the logarithm bends; positive, the smaller the steeper at zero.

    Source: Feng et al. 2018, "Wing loss for robust facial landmark localisation", eq. 5.
    """
    error = tf.abs(prediction - labels)
    inner = tf.minimum(error, width)
    return mean_per_example(width * tf.math.log1p(inner / epsilon) + (error - inner))


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"1-\frac{y\cdot\hat y}{\Vert y\Vert\,\Vert\hat y\Vert}",
    range=(0, 2),
    zero_at_optimum=True,
    symmetric=True,
    example="ce + cosine_distance(hidden1, hidden2)",
)
def cosine_distance(labels: Any, prediction: Any) -> Any:
    """One minus the cosine of the angle between two rows, where only their direction counts.

    labels, prediction: (batch, k) with k of 2 or more, the same shape; a row of zeros costs 1.
    Returns (batch,).

    Source: Manning, Raghavan and Schütze 2008, "Introduction to information retrieval", section
    6.3.1, the similarity.
    """
    several_columns("cosine_distance", "use mse", prediction=prediction)
    unit = [unit_length(rows) for rows in (labels, prediction)]
    return 1 - tf.reduce_sum(unit[0] * unit[1], axis=-1)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [mse, mae, huber, log_cosh, charbonnier, wing, cosine_distance]
