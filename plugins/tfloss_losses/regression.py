"""Losses between a number and its prediction.

`prediction` is the student's raw output for regression, its probabilities for classification. Any
two tensors of one shape will do: `mse(hidden1, teacher_hidden)`.
"""

from __future__ import annotations

from typing import Any

import tfloss
from tfloss import tf
from tfloss_losses.distributions import mean_per_example, require, same_shape


@tfloss.loss(
    latex=r"\frac1k\sum_j(\hat y_j-y_j)^2", range=(0, None), zero_at_optimum=True, symmetric=True
)
def mse(labels: Any, prediction: Any) -> Any:
    """Mean squared error, for Gaussian noise, or for inner tensors that shall agree.

    labels, prediction: (batch, …), the same shape.
    Returns (batch,): the mean over all axes but the first.

    Source: Gauss 1809; as in Keras.
    """
    same_shape(labels=labels, prediction=prediction)
    return mean_per_example(tf.math.squared_difference(prediction, labels))


@tfloss.loss(
    latex=r"\frac1k\sum_j|\hat y_j-y_j|",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    kinks=("labels == prediction",),
)
def mae(labels: Any, prediction: Any) -> Any:
    """Mean absolute error, for targets with outliers; it leads to the median.

    labels, prediction: (batch, …), the same shape.
    Returns (batch,): the mean over all axes but the first.

    Source: Laplace 1774; as in Keras.
    """
    same_shape(labels=labels, prediction=prediction)
    return mean_per_example(tf.abs(prediction - labels))


@tfloss.loss(
    latex=r"\frac1k\sum_j\begin{cases}\frac12e_j^2&|e_j|\le\delta\\"
    r"\delta|e_j|-\frac12\delta^2&\text{else}\end{cases}",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
)
def huber(labels: Any, prediction: Any, *, delta: float = 1.0) -> Any:
    """Huber loss, squared for small errors and absolute for large ones: for a few outliers.

    labels, prediction: (batch, …), the same shape.
    Returns (batch,): the mean over all axes but the first.

    delta: the error, in the target's unit, at which the square turns into a line; positive.

    Source: Huber 1964, "Robust estimation of a location parameter", section 3; as in Keras.
    """
    same_shape(labels=labels, prediction=prediction)
    require(delta > 0, "delta", delta, "must be positive")
    error = tf.abs(prediction - labels)
    inner = tf.minimum(error, delta)
    # One expression for both branches: e²/2 below delta, delta·e - delta²/2 above it.
    return mean_per_example(inner * (error - inner / 2))


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [mse, mae, huber]
