"""Accelerated failure time: the logarithm of a time is a location plus a scale times noise.

The student gives both, with a layer of two units: `weibull_aft(time, event, prediction=output)`.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above
from tfloss.ops import columns, same_shape

_DOMAINS = {"time": "times", "event": "groups", "prediction": "log_amounts*2"}


def _standardised(time: Any, event: Any, prediction: Any, smallest: float) -> tuple[Any, Any, Any]:
    """Logarithm of time, its standardised residual, and the logarithm of the scale; (batch,)."""
    if columns(prediction) != 2 or len(prediction.shape) != 2:
        raise ValueError(f"'prediction' must be (batch, 2), but it is {tuple(prediction.shape)}.")
    same_shape(time=time, event=event, prediction=prediction[:, 0])
    log_time = tf.math.log(tf.maximum(time, 1e-30))
    log_scale = tf.maximum(prediction[:, 1], math.log(smallest))
    return log_time, (log_time - prediction[:, 0]) * tf.exp(-log_scale), log_scale


def _negative(event: Any, log_density: Any, log_survival: Any) -> Any:
    """The event's density or, for the censored, the chance to have come further."""
    return -event * log_density - (1 - event) * log_survival


@tfloss.loss(
    same_shape=("time", "event"),
    latex=r"e\bigl(\log(\sigma t)-z\bigr)+e^z,\ z=(\log t-\mu)/\sigma",
    domains=_DOMAINS,
    family="survival",
    example="weibull_aft(time, event, prediction=concat(hidden1, hidden2))",
)
def weibull_aft(
    time: Any, event: Any, prediction: Any, *, smallest: Annotated[float, Above(0)] = 1e-2
) -> Any:
    """Weibull survival time: a hazard that rises or falls as a power of time.

    time, event: (batch,), how long observed, and 1 for an event or 0 for censored.
    prediction: (batch, 2), the location of log time, and the logarithm of its scale σ; the Weibull
    distribution has scale e^µ and shape 1/σ.
    Returns (batch,), in nats, of the density of time in its unit. Where the residual z is above 50,
    e^z goes on along its tangent, lest it become infinite.

    smallest: the scale below which none is taken; positive.

    Source: Kalbfleisch and Prentice 2002, "The statistical analysis of failure time data", section
    2.2.
    """
    log_time, z, log_scale = _standardised(time, event, prediction, smallest)
    hazard = tf.exp(tf.minimum(z, 50.0)) * (1 + tf.nn.relu(z - 50.0))
    return _negative(event, z - hazard - log_scale - log_time, -hazard)


@tfloss.loss(
    same_shape=("time", "event"),
    latex=r"e\bigl(\log(\sigma t\sqrt{2\pi})+\tfrac12z^2\bigr)-(1-e)\log\Phi(-z),"
    r"\ z=(\log t-\mu)/\sigma",
    domains=_DOMAINS,
    family="survival",
    example="log_normal_aft(time, event, prediction=concat(hidden1, hidden2))",
)
def log_normal_aft(
    time: Any, event: Any, prediction: Any, *, smallest: Annotated[float, Above(0)] = 1e-2
) -> Any:
    """Log-normal survival time: its logarithm is Gaussian, and the censored lie above (tobit).

    time, event: (batch,), how long observed, and 1 for an event or 0 for censored.
    prediction: (batch, 2), mean of log time, and the logarithm of its standard deviation.
    Returns (batch,), in nats, of the density of time in its unit.

    smallest: the standard deviation below which none is taken; positive.

    Source: Kalbfleisch and Prentice 2002, "The statistical analysis of failure time data", section
    2.2.
    """
    log_time, z, log_scale = _standardised(time, event, prediction, smallest)
    log_density = -tf.square(z) / 2 - math.log(2 * math.pi) / 2 - log_scale - log_time
    return _negative(event, log_density, _log_normal_tail(z))


def _log_normal_tail(z: Any) -> Any:
    """log Φ(-z); far out by the asymptotic series of Mills' ratio, which has six digits there."""
    near = tf.math.log(tf.math.erfc(tf.minimum(z, 5.0) / math.sqrt(2)) / 2)
    far = tf.maximum(z, 5.0)
    square = 1 / tf.square(far)
    series = 1 - square * (1 - 3 * square * (1 - 5 * square * (1 - 7 * square * (1 - 9 * square))))
    tail = -tf.square(far) / 2 - tf.math.log(far * math.sqrt(2 * math.pi)) + tf.math.log(series)
    return tf.where(z > 5.0, tail, near)


@tfloss.loss(
    same_shape=("time", "event"),
    latex=r"e\bigl(\log(\sigma t)-z\bigr)+(1+e)\log(1+e^z),\ z=(\log t-\mu)/\sigma",
    domains=_DOMAINS,
    family="survival",
    example="log_logistic_aft(time, event, prediction=concat(hidden1, hidden2))",
)
def log_logistic_aft(
    time: Any, event: Any, prediction: Any, *, smallest: Annotated[float, Above(0)] = 1e-2
) -> Any:
    """Log-logistic survival time: odds of survival that fall as a power of time.

    time, event: (batch,), how long observed, and 1 for an event or 0 for censored.
    prediction: (batch, 2), the location of log time, and the logarithm of its scale.
    Returns (batch,), in nats, of the density of time in its unit.

    smallest: the scale below which none is taken; positive.

    Source: Kalbfleisch and Prentice 2002, "The statistical analysis of failure time data", section
    2.2.
    """
    log_time, z, log_scale = _standardised(time, event, prediction, smallest)
    survived = -tf.nn.softplus(z)
    return _negative(event, z + 2 * survived - log_scale - log_time, survived)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [weibull_aft, log_normal_aft, log_logistic_aft]
