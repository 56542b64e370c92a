"""Ways from one value per example to one value per batch."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import AtLeast, Interval
from tfloss.ops import mean_of_largest, sum_over_replicas


@tfloss.reduction
def mean(values: Any, weight: Any, present: Any) -> Any:
    """Weighted sum divided by the number of examples present (not by the sum of the weights).

    An example of which some elements are missing is present by the share of those that are there.

    This is Keras' `sum_over_batch_size`: of ones with weights 1, 0, 0, 0 it makes 0.25.
    """
    rows = sum_over_replicas(tf.reduce_sum(present))
    return tf.math.divide_no_nan(sum_over_replicas(tf.reduce_sum(weight * values)), rows)


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


@tfloss.reduction
def top_k(
    values: Any,
    weight: Any,
    present: Any,
    *,
    share: Annotated[float, Interval(0, 1, closed="right")] = 0.25,
    k: Annotated[int, AtLeast(1)] | None = None,
) -> Any:
    """Mean of the largest weighted values among the examples present: only the hardest train.

    Examples of weight 0 are not among them; 0 when there is none.

    share: of those examples, rounded up to whole ones.
    k: how many instead, where it is given; in a batch of fewer all of them.

    Source: Shrivastava, Gupta and Girshick 2016, "Training region-based object detectors with
    online hard example mining", section 4, with examples in place of regions.
    """
    counted = (weight * present) != 0
    if k is None:
        # A share like 0.1 of 30 is to be 3 and not 4, however it is rounded.
        wanted = share * tf.reduce_sum(tf.cast(counted, values.dtype))
        count: Any = tf.maximum(tf.math.ceil(wanted - 1e-4), 1)
    else:
        count = k
    return mean_of_largest(weight * values, count, counted)


@tfloss.hookimpl
def tfloss_reductions() -> list[Any]:
    """Register this module's reductions."""
    return [mean, total, largest, top_k]
