"""Regression towards something else than the middle: quantiles and expectiles."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Interval
from tfloss.ops import mean_per_example
from tfloss_losses import references


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "prediction"),
    latex=r"\frac1k\sum_j\max\bigl(\tau(y_j-\hat y_j),(\tau-1)(y_j-\hat y_j)\bigr)",
    range=(0, None),
    zero_at_optimum=True,
    kinks=("labels == prediction",),
    family="regression",
    reference=references.quantile,
)
def quantile(
    labels: Any, prediction: Any, *, level: Annotated[float, Interval(0, 1, "neither")] = 0.5
) -> Any:
    """Pinball loss: the prediction becomes a quantile of the target, for intervals.

    labels, prediction: (batch, …), the same shape.
    Returns (batch,): the mean over all axes but the first; at level 0.5, half of mae.

    level: tau in (0, 1): the share of targets that shall lie below the prediction.

    Source: Koenker and Bassett 1978, "Regression quantiles", eq. 3.1.
    """
    shortfall = labels - prediction
    return mean_per_example(tf.maximum(level * shortfall, (level - 1) * shortfall))


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "prediction"),
    latex=r"\frac1k\sum_j\bigl|\tau-[y_j<\hat y_j]\bigr|(y_j-\hat y_j)^2",
    range=(0, None),
    zero_at_optimum=True,
    family="regression",
)
def expectile(
    labels: Any, prediction: Any, *, level: Annotated[float, Interval(0, 1, "neither")] = 0.5
) -> Any:
    """Asymmetric squared error: the prediction becomes an expectile, a smooth kind of quantile.

    labels, prediction: (batch, …), the same shape.
    Returns (batch,): the mean over all axes but the first; at level 0.5, half of mse.

    level: tau in (0, 1): what a target above the prediction weighs; one below weighs 1 - tau.

    Source: Newey and Powell 1987, "Asymmetric least squares estimation and testing".
    """
    above, below = tf.nn.relu(labels - prediction), tf.nn.relu(prediction - labels)
    return mean_per_example(level * above**2 + (1 - level) * below**2)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [quantile, expectile]
