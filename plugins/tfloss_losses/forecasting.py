"""Forecasts with their uncertainty: several quantiles, intervals, ensembles; lower is better.

They are proper scoring rules: whoever answers what he believes is best on average.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, Each, Interval, Length, PerColumn
from tfloss.ops import columns, mean_per_example, same_shape

_DECILES = (0.1, 0.5, 0.9)


def _split(labels: Any, prediction: Any, count: int) -> Any:
    """The prediction as (batch, k, count): `count` answers for each of the k targets."""
    if len(labels.shape) != 2 or len(prediction.shape) != 2:
        raise ValueError("'labels' and 'prediction' must be (batch, columns).")
    if columns(prediction) != count * columns(labels):
        raise ValueError(
            f"'prediction' has {columns(prediction)} columns for {columns(labels)} of 'labels'; "
            f"it needs {count} for each."
        )
    same_shape(labels=labels[:, 0], prediction=prediction[:, 0])
    return tf.reshape(prediction, [-1, columns(labels), count])


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
    answers = _split(labels, prediction, levels)
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
    short = labels[..., None] - _split(labels, prediction, len(levels))
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
    borders = _split(labels, prediction, 2)
    low, high = borders[..., 0], borders[..., 1]
    outside = tf.nn.relu(low - labels) + tf.nn.relu(labels - high)
    return mean_per_example(high - low + 2 / (1 - coverage) * outside)


def _location_and_scale(labels: Any, prediction: Any, smallest: float) -> tuple[Any, Any]:
    if columns(prediction) != 2 * columns(labels):
        raise ValueError(
            f"'prediction' has {columns(prediction)} columns for {columns(labels)} of 'labels'; it "
            f"needs twice as many: locations, then logarithms of scales."
        )
    location, log_scale = tf.split(prediction, 2, axis=-1)
    same_shape(labels=labels, location=location)
    return location, tf.exp(tf.clip_by_value(log_scale, math.log(smallest), 30.0))


@tfloss.loss(
    latex=r"\sigma\bigl(z(2\Phi(z)-1)+2\varphi(z)-\pi^{-1/2}\bigr),\ z=(y-\mu)/\sigma",
    range=(0, None),
    domains={"prediction": "numbers*2"},
    family="forecasting",
    example="crps_gaussian(prediction=concat(hidden1, hidden2))",
)
def crps_gaussian(
    labels: Any, prediction: Any, *, smallest: Annotated[float, Above(0)] = 1e-4
) -> Any:
    """Continuous ranked probability score of a Gaussian, in the target's unit: robust, calibrated.

    labels: (batch, k).  prediction: (batch, 2k), k means, then k logarithms of standard deviations,
    as gaussian's; of gaussian_nll they are of variances.
    Returns (batch,): the mean over the k targets.

    smallest: the standard deviation below which none is taken, in the target's unit; positive.

    Source: Gneiting et al. 2005, "Calibrated probabilistic forecasting using ensemble model output
    statistics and minimum CRPS estimation", eq. 5.
    """
    mean, scale = _location_and_scale(labels, prediction, smallest)
    error = tf.abs(labels - mean)
    z = error / scale
    density = tf.exp(-tf.square(z) / 2) / math.sqrt(2 * math.pi)
    # The error itself stands outside, where the scale's gradient has not to cancel it.
    rest = 2 * density - z * tf.math.erfc(z / math.sqrt(2)) - 1 / math.sqrt(math.pi)
    return mean_per_example(error + scale * rest)


@tfloss.loss(
    latex=r"\sigma\bigl(|z|+e^{-|z|}-\tfrac34\bigr),\ z=(y-\mu)/\sigma",
    range=(0, None),
    domains={"prediction": "numbers*2"},
    family="forecasting",
    example="crps_laplace(prediction=concat(hidden1, hidden2))",
)
def crps_laplace(
    labels: Any, prediction: Any, *, smallest: Annotated[float, Above(0)] = 1e-4
) -> Any:
    """Continuous ranked probability score of a Laplace distribution, in the target's unit.

    labels: (batch, k).  prediction: (batch, 2k), k medians, then k logarithms of scales.
    Returns (batch,): the mean over the k targets.

    smallest: the scale below which none is taken, in the target's unit; positive.

    Source: Jordan, Krüger and Lerch 2019, "Evaluating probabilistic forecasts with scoringRules",
    appendix A.
    """
    median, scale = _location_and_scale(labels, prediction, smallest)
    error = tf.abs(labels - median)
    return mean_per_example(error + scale * (tf.exp(-error / scale) - 0.75))


@tfloss.loss(
    latex=r"\sigma\bigl(z-2\log F(z)-1\bigr),\ F(z)=1/(1+e^{-z}),\ z=(y-\mu)/\sigma",
    range=(0, None),
    domains={"prediction": "numbers*2"},
    family="forecasting",
    example="crps_logistic(prediction=concat(hidden1, hidden2))",
)
def crps_logistic(
    labels: Any, prediction: Any, *, smallest: Annotated[float, Above(0)] = 1e-4
) -> Any:
    """Continuous ranked probability score of a logistic distribution, in the target's unit.

    labels: (batch, k).  prediction: (batch, 2k), k locations, then k logarithms of scales.
    Returns (batch,): the mean over the k targets.

    smallest: the scale below which none is taken, in the target's unit; positive.

    Source: Jordan, Krüger and Lerch 2019, "Evaluating probabilistic forecasts with scoringRules",
    appendix A.
    """
    location, scale = _location_and_scale(labels, prediction, smallest)
    error = tf.abs(labels - location)
    return mean_per_example(error + scale * (2 * tf.nn.softplus(-error / scale) - 1))


@tfloss.loss(
    latex=r"\log\sigma^2+\frac{(y-\mu)^2}{\sigma^2}",
    domains={"prediction": "numbers*2"},
    family="forecasting",
    example="dawid_sebastiani(prediction=concat(hidden1, hidden2))",
)
def dawid_sebastiani(
    labels: Any, prediction: Any, *, smallest: Annotated[float, Above(0)] = 1e-4
) -> Any:
    """Dawid-Sebastiani score: a mean and a spread, whatever the distribution.

    labels: (batch, k).  prediction: (batch, 2k), k means, then k logarithms of standard deviations.
    Returns (batch,): the mean over the k targets.

    smallest: the standard deviation below which none is taken, in the target's unit; positive.

    Source: Gneiting and Raftery 2007, "Strictly proper scoring rules, prediction, and estimation",
    section 4.1.
    """
    mean, scale = _location_and_scale(labels, prediction, smallest)
    return mean_per_example(2 * tf.math.log(scale) + tf.square((labels - mean) / scale))


@tfloss.loss(
    latex=r"\frac1m\sum_i|x_i-y|-\frac1{2m^2}\sum_{i,j}|x_i-x_j|",
    range=(None, None),
    kinks=("two members, or a member and the target, are equal",),
    domains={"prediction": "numbers*4"},
    family="forecasting",
    exempt={"settings over their range": "other members take a prediction of other width"},
    example="crps_ensemble(labels=hidden1, prediction=flatten(conv1), members=8)",
)
def crps_ensemble(
    labels: Any, prediction: Any, *, members: Annotated[int, AtLeast(2)] = 4, fair: bool = False
) -> Any:
    """Continuous ranked probability score of an ensemble: near the target, and apart.

    labels: (batch, k).  prediction: (batch, k·members), for each target its members' answers.
    Returns (batch,): the mean over the k targets, in the target's unit.

    members: m, how many, 2 or more.
    fair: divide the second sum by m(m - 1) instead of m², which does not favour a small spread.

    Source: Gneiting and Raftery 2007, "Strictly proper scoring rules, prediction, and estimation",
    section 4.2; fair: Ferro 2014, "Fair scores for ensemble forecasts".
    """
    answers = _split(labels, prediction, members)
    near = tf.reduce_mean(tf.abs(answers - labels[..., None]), axis=-1)
    apart = tf.abs(answers[..., :, None] - answers[..., None, :])
    pairs = members * (members - 1 if fair else members)
    return mean_per_example(near - tf.reduce_sum(apart, axis=[-2, -1]) / (2 * pairs))


@tfloss.loss(
    latex=r"\frac1m\sum_i\Vert x_i-y\Vert-\frac1{2m^2}\sum_{i,j}\Vert x_i-x_j\Vert",
    domains={"prediction": "numbers*4"},
    kinks=("two members, or a member and the target, are equal",),
    family="forecasting",
    exempt={"settings over their range": "other members take a prediction of other width"},
    example="energy_score(labels=hidden1, prediction=flatten(conv1), members=8)",
)
def energy_score(labels: Any, prediction: Any, *, members: Annotated[int, AtLeast(2)] = 4) -> Any:
    """Energy score: the ensemble's score for several targets that belong together.

    labels: (batch, k).  prediction: (batch, k·members), for each target its members' answers.
    Returns (batch,): in the targets' unit, by Euclidean distance over all k.

    members: m, how many, 2 or more.

    Source: Gneiting and Raftery 2007, "Strictly proper scoring rules, prediction, and estimation",
    section 4.3.
    """
    answers = _split(labels, prediction, members)
    near = tf.reduce_mean(_length(answers - labels[..., None]), axis=-1)
    apart = _length(answers[..., :, None] - answers[..., None, :])
    return near - tf.reduce_sum(apart, axis=[-2, -1]) / (2 * members**2)


def _length(vectors: Any) -> Any:
    """Euclidean length over axis 1; below 1e-6 it is 0, with slope 0."""
    square = tf.reduce_sum(tf.square(vectors), axis=1)
    found = tf.sqrt(tf.maximum(square, 1e-12))
    return tf.where(square <= 1e-12, tf.zeros_like(found), found)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [
        crossing,
        quantile_huber,
        interval_score,
        crps_gaussian,
        crps_laplace,
        crps_logistic,
        dawid_sebastiani,
        crps_ensemble,
        energy_score,
    ]
