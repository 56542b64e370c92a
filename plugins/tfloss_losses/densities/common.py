"""What the losses of densities share."""

from __future__ import annotations

from typing import Any

from tfloss import tf
from tfloss.ops import columns, same_shape

LIMIT = 30.0  # of a logarithm: e^30 is 1e13


def parameters(labels: Any, prediction: Any, count: int) -> list[Any]:
    """The prediction's columns in `count` tensors of the labels' shape."""
    if columns(prediction) != count * columns(labels):
        raise ValueError(
            f"'prediction' has {columns(prediction)} columns for {columns(labels)} of 'labels'; "
            f"it needs {count} times as many, a distribution's parameters side by side."
        )
    parts = tf.split(prediction, count, axis=-1)
    same_shape(labels=labels, **{f"parameter {n + 1}": part for n, part in enumerate(parts)})
    return list(parts)
