"""The arithmetic that several losses share: shapes, log-probabilities, floors.

Classifiers come in two shapes. `(batch, C)` is one distribution over C classes; `(batch, 1)` is
two classes on one sigmoid unit, the column being the probability of the second. Losses that need
the whole distribution write the latter out as two columns, first class first.
"""

from __future__ import annotations

from typing import Any

from tfloss import tf

# About the distance from one to its neighbours in float32, so that q and 1 - q are floored alike;
# the value of log q stays above -16.2 and its derivative below 1e7.
FLOOR = 1e-7


def same_shape(**tensors: Any) -> None:
    """Refuse tensors whose static shapes differ, which arithmetic would broadcast without a word.

    Args:
        tensors: tensors by the name that the message gives them.

    Raises:
        ValueError: two of the shapes cannot be equal.
    """
    (first, one), *others = tensors.items()
    for name, other in others:
        if not tf.TensorShape(one.shape).is_compatible_with(other.shape):
            raise ValueError(
                f"'{first}' has shape {tuple(one.shape)} but '{name}' has shape "
                f"{tuple(other.shape)}; give both the same shape."
            )


def require(holds: bool, name: str, value: Any, rule: str) -> None:
    """Refuse a setting's value that breaks its rule ('must be positive')."""
    if not holds:
        raise ValueError(f"The setting '{name}' is {value} but {rule}.")


def columns(tensor: Any) -> int:
    """The static number of columns, the length of the last axis."""
    count = tensor.shape[-1] if len(tensor.shape) else None
    if count is None:
        raise ValueError(f"The number of columns of a tensor of shape {tensor.shape} is not known.")
    return int(count)


def several_columns(loss: str, instead: str, **tensors: Any) -> None:
    """Refuse one column where a loss is about several; `instead` says what to use."""
    for name, tensor in tensors.items():
        if columns(tensor) == 1:
            raise ValueError(f"'{loss}' needs a column per class but '{name}' has one; {instead}.")


def log_probs(logits: Any) -> Any:
    """The student's log-distribution, safe for logits of any size.

    logits: (batch, 1) or (batch, C).  Returns (batch, 2) or (batch, C).
    """
    if columns(logits) == 1:
        return tf.math.log_sigmoid(tf.concat([-logits, logits], axis=-1))
    return tf.nn.log_softmax(logits)


def as_distribution(probs: Any) -> Any:
    """Probabilities with a column per class.

    probs: (batch, 1), the second class's probability, or (batch, C).
    Returns (batch, 2) or (batch, C).
    """
    return tf.concat([1 - probs, probs], axis=-1) if columns(probs) == 1 else probs


def floored_log(probs: Any) -> Any:
    """log(max(probs, FLOOR)): finite, with a finite derivative, also for a probability of zero."""
    return tf.math.log(tf.maximum(probs, FLOOR))


def unit_length(vectors: Any, axis: int = -1) -> Any:
    """Vectors along an axis brought to length one; one shorter than 1e-6 becomes 0, with slope 0.

    Divided by a floor, a vector of zeros would get a gradient a million times too large.
    """
    square = tf.reduce_sum(tf.square(vectors), axis=axis, keepdims=True)
    scaled = vectors * tf.math.rsqrt(tf.maximum(square, 1e-12))
    # Asked this way round, as every comparison with NaN is false: it must stay NaN.
    return tf.where(square <= 1e-12, tf.zeros_like(scaled), scaled)


def nan_of(tensor: Any) -> Any:
    """Zero for each example, NaN for one that has a NaN: to add where a comparison would hide it.

    Unlike `0 * tensor`, it is zero for an infinity, and no optimiser can take it for zero.
    tensor: (batch, C).  Returns (batch,).
    """
    found = tf.where(tf.math.is_nan(tensor), tensor, tf.zeros_like(tensor))
    return tf.reduce_sum(found, axis=-1)


def mean_per_example(values: Any) -> Any:
    """The mean over all axes but the first.  values: (batch, …).  Returns (batch,)."""
    return tf.reduce_mean(values, axis=list(range(1, len(values.shape))))
