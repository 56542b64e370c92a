"""Sums over all triples of a batch, a block of corners at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfloss import tf
from tfloss.ops import pair_weights, squared_distances

# Triples that are written out at once: 32 MB of float64.
_BLOCK = 2**22


def cosines(square: Any, corners: Any) -> Any:
    """Cosine at each corner j between i and k, (corners, batch, batch) in the order j, i, k.

    By the law of cosines from squared distances, (batch, batch) in float64, so that memory does not
    grow with the rows' width; 0 where two examples coincide.
    """
    near = square <= 1e-12
    inverse = tf.math.rsqrt(tf.where(near, tf.ones_like(square), square))
    inverse = tf.gather(tf.where(near, tf.zeros_like(square), inverse), corners)
    sides = tf.gather(square, corners)
    inner = (sides[:, :, None] + sides[:, None, :] - square[None, :, :]) / 2
    return inner * inverse[:, :, None] * inverse[:, None, :]


def mean_over_triples(
    compare: Callable[[Any], Any], rows: Any, others: Any, weight: Any, block: int = _BLOCK
) -> Any:
    """The weighted mean of a comparison of two sets' cosines, over triples of different examples.

    compare: from differences of cosines to what they cost, elementwise.
    rows, others: (batch, …), of any widths.  weight: (batch,).
    block: how many triples are written out at once, where the size of the batch is known.
    """
    squares = [squared_distances(*[tf.cast(r, tf.float64)] * 2) for r in (rows, others)]
    weight = tf.cast(weight, tf.float64)
    apart = pair_weights(tf.ones_like(weight))
    pairs = pair_weights(weight)

    def at(one: Any, two: Any, corners: Any, counted: Any) -> Any:
        """The sum over the triples that have these corners."""
        cost = compare(cosines(one, corners) - cosines(two, corners))
        # At corner j: i differs from j, k from j, and i from k.
        off = tf.gather(apart, corners)
        own = (tf.gather(weight, corners) * counted)[:, None]
        return tf.reduce_sum(cost * pairs[None, :, :] * (own * off)[:, :, None] * off[:, None, :])

    count = rows.shape[0]
    if count is None or count**3 <= block:
        corners = tf.range(tf.shape(weight)[0])
        found = at(squares[0], squares[1], corners, tf.ones_like(weight))
    else:
        found = _in_blocks(at, squares[0], squares[1], max(1, block // count**2))
    without = tf.reduce_sum(weight) - weight
    triples = weight * (without**2 - (tf.reduce_sum(weight**2) - weight**2))
    return tf.cast(found / tf.maximum(tf.reduce_sum(triples), 1e-12), rows.dtype)


def _in_blocks(at: Callable[..., Any], one: Any, two: Any, size: int) -> Any:
    """The sum over all corners. Its gradient is summed along with it: no block is kept for it."""
    count = int(one.shape[0])
    blocks = -(-count // size)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def total(one: Any, two: Any) -> Any:
        def step(number: Any, value: Any, *slopes: Any) -> Any:
            corners = number * size + tf.range(size)
            counted = tf.cast(corners < count, value.dtype)
            given = [tf.identity(one), tf.identity(two)]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(given)
                part = at(*given, tf.minimum(corners, count - 1), counted)
            found = tape.gradient(part, given)
            return number + 1, value + part, *(s + f for s, f in zip(slopes, found, strict=True))

        start = [tf.constant(0), tf.zeros([], one.dtype), tf.zeros_like(one), tf.zeros_like(two)]
        _, value, *slopes = tf.while_loop(
            lambda number, *_: number < blocks, step, start, maximum_iterations=blocks
        )
        return value, lambda upstream: [upstream * slope for slope in slopes]

    return total(one, two)
