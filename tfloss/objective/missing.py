"""What is missing in a batch: elements, places, rows.

A mask is float32, 1 where a value is there and 0 where it is missing. It has the shape of its
tensor or that of the tensor's first axes.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any

from tfloss.lazy import tf

Tensor = Any


def aligned(mask: Tensor, rank: int) -> Tensor:
    """A mask with axes of length 1 behind its own, to be multiplied with one of that rank."""
    missing = rank - mask.shape.rank
    return tf.reshape(mask, tf.concat([tf.shape(mask), [1] * missing], 0)) if missing > 0 else mask


def together(masks: Iterable[Tensor | None]) -> Tensor | None:
    """1 where all are there; of the largest rank. None where nothing is missing."""
    given = [mask for mask in masks if mask is not None]
    if not given:
        return None
    rank = max(mask.shape.rank for mask in given)
    return reduce(lambda one, other: one * other, [aligned(mask, rank) for mask in given])


def of_first_axes(mask: Tensor | None, rank: int) -> Tensor | None:
    """A mask of at most that rank: 0 where anything behind the first axes is missing."""
    if mask is None or mask.shape.rank <= rank:
        return mask
    return tf.reduce_min(mask, axis=list(range(rank, mask.shape.rank)))


def of_rows(mask: Tensor | None) -> Tensor | None:
    """(batch,): 0 where anything of a row is missing."""
    return of_first_axes(mask, 1)


def share_of_rows(mask: Tensor) -> Tensor:
    """(batch,): the share of each row that is there."""
    return tf.reduce_mean(mask, axis=list(range(1, mask.shape.rank)))


def least(masks: Iterable[Tensor | None]) -> Tensor | None:
    """The share of each row that all have; of masks it is what all have."""
    given = [mask for mask in masks if mask is not None]
    return reduce(tf.minimum, given) if given else None


def averaged(values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of what is there of each row, and the share of the row that it is.

    A row's mean times its share, summed over rows and divided by the sum of the shares, is the mean
    over all elements that are there: elements count as rows do.

    Args:
        values: (batch, …).
        mask: (batch, …), of the same rank.

    Returns:
        two (batch,).
    """
    axes = list(range(1, values.shape.rank))
    there = mask * tf.ones_like(values)
    total = tf.reduce_sum(tf.where(there > 0, values, tf.zeros_like(values)), axis=axes)
    mean = tf.math.divide_no_nan(total, tf.reduce_sum(there, axis=axes))
    return mean, tf.reduce_mean(there, axis=axes)


def one_where_missing(divisor: Tensor, mask: Tensor | None) -> Tensor:
    """A divisor that is 1 where it is missing, and holds 0.

    Masking the quotient afterwards would not do: the gradient of 1/0 times 0 is NaN.
    """
    if mask is None or not getattr(divisor, "shape", None):
        return divisor
    return tf.where(aligned(mask, divisor.shape.rank) > 0, divisor, tf.ones_like(divisor))
