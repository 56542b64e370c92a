"""Sums over the replicas of a `tf.distribute` strategy."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tfloss.lazy import tf

_here = threading.local()  # replicas are traced in threads of their own


def sum_over_replicas(value: Any) -> Any:
    """The sum of a tensor over all replicas that compute it; the tensor itself on one device.

    So that a mean over a batch divides by the rows that count on all devices: the mean of means of
    uneven shares is another number. The gradient goes through (an all-sum's is an all-sum).
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return value
    if getattr(_here, "has_all_rows", False):
        return value
    return context.all_reduce(tf.distribute.ReduceOp.SUM, value)


@contextmanager
def on_all_rows() -> Iterator[None]:
    """Meanwhile this replica computes on the rows of all replicas: nothing is left to sum."""
    before = getattr(_here, "has_all_rows", False)
    _here.has_all_rows = True
    try:
        yield
    finally:
        _here.has_all_rows = before
