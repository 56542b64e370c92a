"""Regression towards something else than the middle: quantiles and expectiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Each, Interval, PerColumn
from tfloss.ops import mean_per_example
from tfloss_losses import references

# One level, or one for each of so many columns of the prediction per column of the labels.
Levels = Annotated[
    Sequence[float] | float,
    Each(Interval(0, 1, "neither"), alone=True),
    PerColumn("prediction", each="labels"),
]


@tfloss.loss(
    elementwise=True,
    latex=r"\frac1{kq}\sum_{j,\tau}\max\bigl(\tau(y_j-\hat y_{j\tau}),(\tau-1)(y_j-\hat y_{j"
    r"\tau})\bigr)",
    range=(0, None),
    zero_at_optimum=True,
    kinks=("labels == prediction",),
    family="regression",
    reference=references.quantile,
)
def quantile(labels: Any, prediction: Any, *, levels: Levels = 0.5) -> Any:
    """Pinball loss: the prediction becomes a quantile of the target, or several, for intervals.

    labels: (batch, …, k).  prediction: the same shape; for a list of q levels (batch, …, k·q), for
    each target one answer per level.
    Returns (batch,): the mean over all axes but the first; at level 0.5, half of mae. Twice the
    value of many levels approximates the continuous ranked probability score.

    levels: tau in (0, 1): the share of targets that shall lie below the prediction; a number, or a
        list: quantile(levels=[0.1, 0.5, 0.9]).

    Source: Koenker and Bassett 1978, "Regression quantiles", eq. 3.1; several in a network: Wen et
    al. 2017, "A multi-horizon quantile recurrent forecaster".
    """
    shortfall, level = _shortfall(labels, prediction, levels)
    return mean_per_example(tf.maximum(level * shortfall, (level - 1) * shortfall))


def _shortfall(labels: Any, prediction: Any, levels: Sequence[float] | float) -> tuple[Any, Any]:
    """By how much each answer is too low, and its level, both with an axis for a list of levels."""
    if isinstance(levels, (int, float)):
        return labels - prediction, levels
    level = tf.constant(list(levels), labels.dtype)
    answers = tf.reshape(prediction, tf.concat([tf.shape(labels), [len(levels)]], 0))
    return labels[..., None] - answers, level


@tfloss.loss(
    elementwise=True,
    latex=r"\frac1{kq}\sum_{j,\tau}\bigl|\tau-[y_j<\hat y_{j\tau}]\bigr|(y_j-\hat y_{j\tau})^2",
    range=(0, None),
    zero_at_optimum=True,
    family="regression",
)
def expectile(labels: Any, prediction: Any, *, levels: Levels = 0.5) -> Any:
    """Asymmetric squared error: the prediction becomes an expectile, a smooth kind of quantile.

    labels: (batch, …, k).  prediction: the same shape; for a list of q levels (batch, …, k·q), for
    each target one answer per level.
    Returns (batch,): the mean over all axes but the first; at level 0.5, half of mse.

    levels: tau in (0, 1): what a target above the prediction weighs; one below weighs 1 - tau. A
        number, or a list.

    Source: Newey and Powell 1987, "Asymmetric least squares estimation and testing".
    """
    shortfall, level = _shortfall(labels, prediction, levels)
    above, below = tf.nn.relu(shortfall), tf.nn.relu(-shortfall)
    return mean_per_example(level * above**2 + (1 - level) * below**2)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [quantile, expectile]
