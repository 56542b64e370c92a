"""What the losses of forecasting share."""

from __future__ import annotations

from typing import Any

from tfloss import tf
from tfloss.ops import columns, same_shape


def split(labels: Any, prediction: Any, count: int) -> Any:
    """The prediction as (batch, k, count): `count` answers for each of the k targets."""
    if len(labels.shape) != 2 or len(prediction.shape) != 2:
        raise ValueError("'labels' and 'prediction' must be (batch, columns).")
    if columns(prediction) != count * columns(labels):
        raise ValueError(
            f"'prediction' has {columns(prediction)} columns for {columns(labels)} of 'labels'; "
            f"it needs {count} for each."
        )
    same_shape(labels=labels[:, 0], prediction=prediction[:, 0])
    return tf.reshape(prediction, [-1, columns(labels), count])
