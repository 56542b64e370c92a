"""Scores of a distribution with a location and a scale."""

from __future__ import annotations

import math
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above
from tfloss.ops import bounded, columns, mean_per_example, same_shape


def _location_and_scale(labels: Any, prediction: Any, smallest: float) -> tuple[Any, Any]:
    if columns(prediction) != 2 * columns(labels):
        raise ValueError(
            f"'prediction' has {columns(prediction)} columns for {columns(labels)} of 'labels'; it "
            f"needs twice as many: locations, then logarithms of scales."
        )
    location, log_scale = tf.split(prediction, 2, axis=-1)
    same_shape(labels=labels, location=location)
    return location, tf.exp(bounded(log_scale, math.log(smallest), 30.0))


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
