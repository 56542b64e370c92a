"""Several quantiles or an interval at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, Each, Interval, Length, PerColumn
from tfloss.ops import mean_per_example
from tfloss_losses.forecasting.common import split

_DECILES = (0.1, 0.5, 0.9)


@tfloss.loss(
    latex=r"\frac1k\sum_{j,i}\max(0,\hat y_{j,i}-\hat y_{j,i+1}+m)",
    range=(0, None),
    kinks=("two quantiles are a margin apart",),
    domains={"prediction": "numbers*3"},
    family="forecasting",
    exempt={"settings over their range": "other levels take a prediction of other width"},
    example="quantile(hidden1, concat(hidden1, hidden2, slope), levels=[0.1, 0.5, 0.9])"
    " + crossing(labels=hidden1, prediction=concat(hidden1, hidden2, slope))",
)
def crossing(
    labels: Any,
    prediction: Any,
    *,
    levels: Annotated[int, AtLeast(2)] = 3,
    margin: Annotated[float, AtLeast(0)] = 0.0,
) -> Any:
    """Penalty of quantiles that cross: a higher level's answer shall not be the lower one.

    labels: (batch, k), only their number counts.  prediction: (batch, k·q), for each target one
    answer per level, in rising order of the levels.
    Returns (batch,): by how much neighbours cross, summed over levels, the mean over targets.

    levels: q, how many there are for each target, 2 or more.
    margin: by how much neighbours must at least differ, 0 or more.

    Source: Bondell, Reich and Wang 2010, "Noncrossing quantile regression curve estimation", the
    constraint as a penalty.
    """
    answers = split(labels, prediction, levels)
    excess = tf.nn.relu(answers[..., :-1] - answers[..., 1:] + margin)
    return mean_per_example(tf.reduce_sum(excess, axis=-1)) + 0 * tf.reduce_sum(labels, axis=-1)


@tfloss.loss(
    latex=r"\frac1q\sum_\tau\bigl|\tau-[y<\theta_\tau]\bigr|\frac{H_\delta(y-\theta_\tau)}\delta",
    range=(0, None),
    domains={"prediction": "numbers*3"},
    family="forecasting",
    example="quantile_huber(labels=hidden1, prediction=concat(hidden1, hidden2, slope))",
)
def quantile_huber(
    labels: Any,
    prediction: Any,
    *,
    levels: Annotated[
        Sequence[float],
        Length(1),
        Each(Interval(0, 1, "neither")),
        PerColumn("prediction", each="labels"),
    ] = _DECILES,
    delta: Annotated[float, Above(0)] = 1.0,
) -> Any:
    """Quantile Huber loss of distributional reinforcement learning: pinball with a round bottom.

    labels: (batch, k).  prediction: (batch, k·q), for each target one answer per level.
    Returns (batch,): the mean over targets and levels.

    levels: q numbers in (0, 1).
    delta: the error from which it is linear, in the target's unit; positive.

    Source: Dabney et al. 2018, "Distributional reinforcement learning with quantile regression",
    eq. 10; divided by delta as in Dabney et al. 2018, "Implicit quantile networks".
    """
    short = labels[..., None] - split(labels, prediction, len(levels))
    level = tf.constant(list(levels), short.dtype)
    size = tf.abs(short)
    huber = tf.where(size <= delta, tf.square(short) / 2, delta * (size - delta / 2))
    side = tf.where(short < 0, 1 - level, level)
    return mean_per_example(side * huber / delta)


@tfloss.loss(
    latex=r"(u-l)+\tfrac2\alpha\max(0,l-y)+\tfrac2\alpha\max(0,y-u)",
    kinks=("a target lies on the border",),
    domains={"prediction": "numbers*2"},
    family="forecasting",
    example="interval_score(labels=hidden1, prediction=concat(hidden1, hidden2))",
)
def interval_score(
    labels: Any, prediction: Any, *, coverage: Annotated[float, Interval(0, 1, "neither")] = 0.9
) -> Any:
    """Interval (Winkler) score: narrow intervals, and a fine for each target that lies outside.

    labels: (batch, k).  prediction: (batch, 2k), lower and upper border for each target.
    Returns (batch,): the mean over targets, in the target's unit; negative for borders exchanged.

    coverage: 1 - α, the share of targets that shall lie inside, in (0, 1).

    Source: Gneiting and Raftery 2007, "Strictly proper scoring rules, prediction, and estimation",
    section 6.2.
    """
    borders = split(labels, prediction, 2)
    low, high = borders[..., 0], borders[..., 1]
    outside = tf.nn.relu(low - labels) + tf.nn.relu(labels - high)
    return mean_per_example(high - low + 2 / (1 - coverage) * outside)
