"""The largest of several values: what hard examples, and hard places in an image, are chosen by."""

from __future__ import annotations

from typing import Any

from tfloss.lazy import tf


def mean_of_largest(values: Any, count: Any, among: Any = None) -> Any:
    """The mean of the largest values along the last axis; only these have a gradient.

    values: (…, n).  count: how many, a whole number or a tensor (…); where fewer are there, all of
    them are taken.  among: (…, n) bool, those that can be chosen; None: all.
    Returns (…): 0 where none can be chosen, NaN where one of them is NaN.
    """
    among = tf.ones_like(values, tf.bool) if among is None else among
    lowest = tf.constant(values.dtype.min, values.dtype)
    unknown = tf.logical_and(among, tf.math.is_nan(values))
    able = tf.where(unknown, tf.zeros_like(values), values)
    ordered = tf.sort(tf.where(among, able, lowest), axis=-1, direction="DESCENDING")
    there = tf.reduce_sum(tf.cast(among, tf.int32), axis=-1)
    taken = tf.minimum(tf.cast(count, tf.int32), there)
    chosen = tf.range(tf.shape(values)[-1]) < taken[..., None]
    total = tf.reduce_sum(tf.where(chosen, ordered, tf.zeros_like(ordered)), axis=-1)
    mean = tf.math.divide_no_nan(total, tf.cast(taken, values.dtype))
    nan = tf.reduce_sum(tf.where(unknown, values, tf.zeros_like(values)), axis=-1)
    return mean + nan
