"""Lengths and distances whose gradients stay finite where two rows coincide."""

from __future__ import annotations

from typing import Any

from tfloss.lazy import tf


def squared_distances(rows: Any, others: Any) -> Any:
    """Squared Euclidean distance of each of `rows` to each of `others`.

    Computed as |x|² + |y|² - 2x·y of centred rows in float64, so that memory does not grow with
    the rows' width and the difference of large numbers keeps float32's digits.

    rows: (n, k).  others: (m, k).  Returns (n, m), in the rows' dtype.
    """
    one, two = tf.cast(rows, tf.float64), tf.cast(others, tf.float64)
    middle = tf.stop_gradient(tf.reduce_mean(two, axis=0, keepdims=True))
    one, two = one - middle, two - middle
    lengths = [tf.reduce_sum(tf.square(x), axis=-1) for x in (one, two)]
    square = lengths[0][:, None] + lengths[1][None, :] - 2 * tf.matmul(one, two, transpose_b=True)
    # What rounding leaves of two equal rows is no distance; asked this way round, a NaN stays one.
    rounding = 1e-14 * (lengths[0][:, None] + lengths[1][None, :])
    return tf.cast(tf.where(square <= rounding, 0 * square, square), rows.dtype)


def root(square: Any) -> Any:
    """Square root; 0 below 1e-12, with slope 0, where the root's own slope would be infinite."""
    found = tf.sqrt(tf.maximum(square, 1e-12))
    # Asked this way round, a NaN stays one.
    return tf.where(square <= 1e-12, tf.zeros_like(found), found)


def unit_length(vectors: Any, axis: int = -1) -> Any:
    """Vectors along an axis brought to length one; one shorter than 1e-6 becomes 0, with slope 0.

    Divided by a floor, a vector of zeros would get a gradient a million times too large.
    """
    square = tf.reduce_sum(tf.square(vectors), axis=axis, keepdims=True)
    scaled = vectors * tf.math.rsqrt(tf.maximum(square, 1e-12))
    # Asked this way round, as every comparison with NaN is false: it must stay NaN.
    return tf.where(square <= 1e-12, tf.zeros_like(scaled), scaled)
