"""What the losses of metric learning share."""

from __future__ import annotations

from typing import Any

from tfloss import tf
from tfloss.ops import (
    pair_weights,
    same_class,
    weighted_rows,
)

ANY = {"embedding": "numbers*any"}


def pairs(labels: Any, embedding: Any, sample_weight: Any) -> tuple[Any, Any, Any, Any]:
    """Rows, weights, and for each pair of different examples the weight of like and unlike ones.

    Of a pair the weight is that of the other example; the anchor's counts in the mean.
    """
    (labels, rows), weight = weighted_rows(sample_weight, labels=labels, embedding=embedding)
    same = same_class(labels)
    others = pair_weights(weight) / tf.maximum(weight[:, None], 1e-12)
    others = tf.where(weight[:, None] == 0, tf.zeros_like(others), others)
    return rows, weight, same * others, (1 - same) * others
