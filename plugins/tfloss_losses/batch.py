"""The arithmetic of losses about a whole batch: rows, weights, pairs, distances.

An example of weight zero is missing: whatever its rows hold, it takes part in nothing.
"""

from __future__ import annotations

import math
from typing import Any

from tfloss import tf
from tfloss_losses.distributions import same_shape

# Stands for minus infinity in a maximum or a softmax; unlike it, it can be multiplied by zero.
LOWEST = -1e30


def as_rows(values: Any) -> Any:
    """(batch, …) as (batch, features)."""
    size = values.shape[1:].num_elements()
    return tf.reshape(values, [-1, size] if size else [tf.shape(values)[0], -1])


def weighted_rows(sample_weight: Any, **tensors: Any) -> tuple[list[Any], Any]:
    """Tensors as rows, zero where an example is missing, and the weights, (batch,).

    Args:
        sample_weight: (batch,), or None for all ones.
        tensors: (batch, …) each, by the name that a message gives them.
    """
    rows = {name: as_rows(tensor) for name, tensor in tensors.items()}
    weight = sample_weight
    if weight is None:
        weight = tf.ones_like(next(iter(rows.values()))[:, 0])
    same_shape(**{name: tensor[:, 0] for name, tensor in rows.items()}, sample_weight=weight)
    gone = weight[:, None] == 0
    return [tf.where(gone, tf.zeros_like(tensor), tensor) for tensor in rows.values()], weight


def weighted_mean(values: Any, weight: Any) -> Any:
    """Weighted mean over all entries; 0 when no entry has a weight."""
    return tf.reduce_sum(weight * values) / tf.maximum(tf.reduce_sum(weight), 1e-12)


def pair_weights(weight: Any) -> Any:
    """The weight of each ordered pair of different examples, (batch, batch)."""
    products = weight[:, None] * weight[None, :]
    return tf.linalg.set_diag(products, tf.zeros_like(weight))


def squared_distances(rows: Any, others: Any) -> Any:
    """Squared Euclidean distance of each of `rows` to each of `others`, (batch, batch)."""
    return tf.reduce_sum(tf.math.squared_difference(rows[:, None], others[None, :]), axis=-1)


def root(square: Any) -> Any:
    """Square root; 0 below 1e-12, with slope 0, where the root's own slope would be infinite."""
    found = tf.sqrt(tf.maximum(square, 1e-12))
    # Asked this way round, a NaN stays one.
    return tf.where(square <= 1e-12, tf.zeros_like(found), found)


def centred(rows: Any, weight: Any) -> Any:
    """Rows less their weighted mean."""
    total = tf.maximum(tf.reduce_sum(weight), 1e-12)
    return rows - tf.reduce_sum(weight[:, None] * rows, axis=0, keepdims=True) / total


def covariance(rows: Any, weight: Any) -> Any:
    """Unbiased covariance of the columns, (k, k); 0 for fewer than two examples."""
    apart = centred(rows, weight)
    total = tf.maximum(tf.reduce_sum(weight), 1e-12)
    # The batch less one, for weights of one.
    freedom = total - tf.reduce_sum(tf.square(weight)) / total
    return tf.matmul(weight[:, None] * apart, apart, transpose_a=True) / tf.maximum(freedom, 1e-6)


def same_class(labels: Any) -> Any:
    """1 where two examples are of one class, else 0, (batch, batch); a NaN stays one.

    labels: (batch, 1), the class as a number, or one-hot (batch, C).
    """
    if labels.shape[-1] != 1:
        return tf.matmul(labels, labels, transpose_b=True)
    apart = labels - tf.transpose(labels)
    return tf.where(apart == 0, tf.ones_like(apart), 0 * apart)


def largest(distance: Any, among: Any) -> Any:
    """The largest distance of each row among those marked; LOWEST where none is.

    All that equal it but for rounding share its gradient; else rounding would choose one of them.
    """
    marked = tf.where(among, distance, tf.constant(LOWEST, distance.dtype))
    top = tf.reduce_max(marked, axis=-1, keepdims=True)
    equal = tf.cast(marked >= top - 1e-5 * tf.abs(top), distance.dtype)
    return tf.reduce_sum(equal * marked, axis=-1) / tf.reduce_sum(equal, axis=-1)


def log_sum(exponents: Any, counts: Any) -> Any:
    """log of the sum of counts·exp(exponents) of each row; about LOWEST where nothing counts."""
    lowest = tf.constant(LOWEST, exponents.dtype)
    log_counts = tf.math.log(tf.maximum(counts, math.exp(-60)))
    return tf.reduce_logsumexp(tf.where(counts == 0, lowest, exponents + log_counts), axis=-1)
