"""Sums over the replicas of a `tf.distribute` strategy."""

from __future__ import annotations

from typing import Any

from tfloss.lazy import tf


def sum_over_replicas(value: Any) -> Any:
    """The sum of a tensor over all replicas that compute it; the tensor itself on one device.

    So that a mean over a batch divides by the rows that count on all devices: the mean of means of
    uneven shares is another number. The gradient goes through (an all-sum's is an all-sum).
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return value
    return context.all_reduce(tf.distribute.ReduceOp.SUM, value)
