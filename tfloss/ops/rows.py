"""Rows of a batch and their weights.

An example of weight zero is missing: whatever its rows hold, NaN included, it takes part in
nothing.
"""

from __future__ import annotations

from typing import Any

from tfloss.lazy import tf
from tfloss.ops.checks import same_shape


def as_rows(values: Any) -> Any:
    """(batch, …) as (batch, features)."""
    size = values.shape[1:].num_elements()
    return tf.reshape(values, [-1, size] if size else [tf.shape(values)[0], -1])


def weighted_rows(sample_weight: Any, **tensors: Any) -> tuple[list[Any], Any]:
    """Tensors as rows, zero where an example is missing, and the weights.

    Args:
        sample_weight: (batch,), or None for all ones.
        tensors: (batch, …) each, by the name that a message gives them.

    Returns:
        the tensors, (batch, features) each, in their order, and the weights, (batch,).

    Raises:
        ValueError: they have different numbers of examples.

    Example: `(labels, rows), weight = weighted_rows(sample_weight, labels=labels, rows=hidden)`.
    """
    rows = {name: as_rows(tensor) for name, tensor in tensors.items()}
    weight = sample_weight
    if weight is None:
        weight = tf.ones_like(next(iter(rows.values()))[:, 0])
    same_shape(**{name: tensor[:, 0] for name, tensor in rows.items()}, sample_weight=weight)
    return [zeroed(tensor, weight) for tensor in rows.values()], weight


def zeroed(values: Any, sample_weight: Any) -> Any:
    """Values, 0 in the examples of weight zero; with slope 0 there, also where they are NaN.

    values: (batch, …).  sample_weight: (batch,), or None for all ones.  Returns values' shape.
    """
    if sample_weight is None:
        return values
    gone = tf.reshape(sample_weight == 0, [-1, *[1] * (len(values.shape) - 1)])
    return tf.where(gone, tf.zeros_like(values), values)


def zero_without_weight(value: Any, weight: Any) -> Any:
    """A loss's value, or 0 where no example has a weight and there is nothing to say.

    value: a scalar.  weight: (batch,).
    """
    return tf.where(tf.reduce_all(weight == 0), tf.zeros_like(value), value)


def weighted_mean(values: Any, weight: Any) -> Any:
    """Weighted mean over all entries; 0 when no entry has a weight."""
    return tf.reduce_sum(weight * values) / tf.maximum(tf.reduce_sum(weight), 1e-12)


def mean_per_example(values: Any) -> Any:
    """The mean over all axes but the first.  values: (batch, …).  Returns (batch,)."""
    return tf.reduce_mean(values, axis=list(range(1, len(values.shape))))


def nan_of(tensor: Any) -> Any:
    """Zero for each example, NaN for one that has a NaN: to add where a comparison would hide it.

    Unlike `0 * tensor`, it is zero for an infinity, and no optimiser can take it for zero.
    tensor: (batch, C).  Returns (batch,).
    """
    found = tf.where(tf.math.is_nan(tensor), tensor, tf.zeros_like(tensor))
    return tf.reduce_sum(found, axis=-1)


def centred(rows: Any, weight: Any) -> Any:
    """Rows less their weighted mean.  rows: (batch, k).  weight: (batch,)."""
    total = tf.maximum(tf.reduce_sum(weight), 1e-12)
    return rows - tf.reduce_sum(weight[:, None] * rows, axis=0, keepdims=True) / total


def covariance(rows: Any, weight: Any) -> Any:
    """Unbiased covariance of the columns, (k, k); 0 for fewer than two examples."""
    apart = centred(rows, weight)
    total = tf.maximum(tf.reduce_sum(weight), 1e-12)
    # The batch less one, for weights of one.
    freedom = total - tf.reduce_sum(tf.square(weight)) / total
    return tf.matmul(weight[:, None] * apart, apart, transpose_a=True) / tf.maximum(freedom, 1e-6)
