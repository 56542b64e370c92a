"""Regression where an error counts in proportion to what it is about."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above
from tfloss.ops import mean_per_example


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "prediction"),
    latex=r"\frac1k\sum_j\bigl(\log(1+\hat y_j)-\log(1+y_j)\bigr)^2",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    kinks=("labels == 0", "prediction == 0"),
    exempt={"gradient is not clipped away": "a prediction below 0 counts as 0, as in Keras"},
    family="regression",
)
def msle(labels: Any, prediction: Any) -> Any:
    """Mean squared logarithmic error, for counts and amounts over several orders of magnitude.

    labels, prediction: (batch, …), the same shape; negative numbers count as 0.
    Returns (batch,): the mean over all axes but the first.

    Source: as in Keras and scikit-learn's mean_squared_log_error.
    """
    logs = [tf.math.log1p(tf.nn.relu(values)) for values in (labels, prediction)]
    return mean_per_example(tf.math.squared_difference(*logs))


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "prediction"),
    latex=r"\frac1k\sum_j\frac{|\hat y_j-y_j|}{\max(|y_j|,\epsilon)}",
    range=(0, None),
    zero_at_optimum=True,
    kinks=("labels == prediction", "labels == 0"),
    family="regression",
)
def mape(labels: Any, prediction: Any, *, epsilon: Annotated[float, Above(0)] = 1e-7) -> Any:
    """Mean absolute percentage error as a fraction (0.1 is 10 %), for targets far from zero.

    labels, prediction: (batch, …), the same shape.
    Returns (batch,): the mean over all axes but the first.

    epsilon: the smallest magnitude that a target counts with; positive.

    Source: de Myttenaere et al. 2016; as in scikit-learn (Keras' is 100 times as large).
    """
    return mean_per_example(tf.abs(prediction - labels) / tf.maximum(tf.abs(labels), epsilon))


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "prediction"),
    latex=r"\frac1k\sum_j\frac{2|\hat y_j-y_j|}{|\hat y_j|+|y_j|}",
    range=(0, 2),
    zero_at_optimum=True,
    symmetric=True,
    kinks=("labels == prediction", "labels == 0", "prediction == 0"),
    exempt={"gradient is not clipped away": "of opposite signs the ratio is 2, its largest"},
    family="regression",
)
def smape(labels: Any, prediction: Any, *, epsilon: Annotated[float, Above(0)] = 1e-7) -> Any:
    """Symmetric absolute percentage error as a fraction, bounded, for targets that may be zero.

    labels, prediction: (batch, …), the same shape.
    Returns (batch,): the mean over all axes but the first, between 0 and 2.

    epsilon: the smallest sum of magnitudes that is divided by; positive.

    Source: Makridakis 1993, "Accuracy measures"; Hyndman and Koehler 2006, "Another look at
    measures of forecast accuracy", section 2.2, with magnitudes in the divisor.
    """
    size = tf.maximum(tf.abs(prediction) + tf.abs(labels), epsilon)
    return mean_per_example(2 * tf.abs(prediction - labels) / size)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [msle, mape, smape]
