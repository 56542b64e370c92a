"""Ways from one value per example to one value per batch."""

from __future__ import annotations

from typing import Any

import tfloss
from tfloss import tf
from tfloss.ops import sum_over_replicas


@tfloss.reduction
def mean(values: Any, weight: Any, present: Any) -> Any:
    """Weighted sum divided by the number of examples present (not by the sum of the weights).

    This is Keras' `sum_over_batch_size`: of ones with weights 1, 0, 0, 0 it makes 0.25.
    """
    rows = sum_over_replicas(tf.reduce_sum(present))
    return sum_over_replicas(tf.reduce_sum(weight * values)) / tf.maximum(rows, 1)


@tfloss.reduction(name="sum")
def total(values: Any, weight: Any, present: Any) -> Any:
    """Weighted sum over the batch; it grows with the batch's size."""
    del present  # values and weights are zero where an example is missing
    return sum_over_replicas(tf.reduce_sum(weight * values))


@tfloss.reduction(name="max")
def largest(values: Any, weight: Any, present: Any) -> Any:
    """Largest value among the examples present whose weight is not zero; 0 when there is none.

    Weights select but do not multiply.
    """
    counted = (weight * present) != 0
    lowest = tf.fill(tf.shape(values), values.dtype.min)
    highest = tf.reduce_max(tf.where(counted, values, lowest))
    return tf.where(tf.reduce_any(counted), highest, tf.zeros_like(highest))


@tfloss.hookimpl
def tfloss_reductions() -> list[Any]:
    """Register this module's reductions."""
    return [mean, total, largest]
