"""What the losses of segmentation share."""

from __future__ import annotations

from typing import Any

from tfloss import tf
from tfloss.ops import columns


def probabilities(logits: Any) -> Any:
    """Through the sigmoid where there is one column, else through the softmax."""
    return tf.sigmoid(logits) if columns(logits) == 1 else tf.nn.softmax(logits)


def places(values: Any) -> Any:
    """(batch, …, C) as (batch, places, C)."""
    size = values.shape[1:-1].num_elements()
    return tf.reshape(values, [-1, 1 if size is None else size, columns(values)])


def counts(labels: Any, logits: Any) -> tuple[Any, Any, Any]:
    """Hits, false alarms and misses of each example and class, (batch, C)."""
    probs, truth = places(probabilities(logits)), places(labels)
    found = (truth * probs, (1 - truth) * probs, truth * (1 - probs))
    return tuple(tf.reduce_sum(count, axis=1) for count in found)


def dice(labels: Any, logits: Any, smooth: float) -> Any:
    """One minus the Dice coefficient, the mean over classes, (batch,)."""
    hits, alarms, misses = counts(labels, logits)
    return 1 - tf.reduce_mean((2 * hits + smooth) / (2 * hits + alarms + misses + smooth), axis=-1)
