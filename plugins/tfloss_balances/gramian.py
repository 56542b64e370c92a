"""What the methods that solve for weights share: a Gramian of a size that float32 holds well."""

from __future__ import annotations

from typing import Any

from tfloss import tf

SMALLEST = 1e-20  # squared lengths of gradients below this count as no gradient


def scaled(gramian: Any) -> tuple[Any, Any]:
    """The Gramian, (m, m), divided to have the trace m, and what it was divided by."""
    scale = tf.maximum(tf.linalg.trace(gramian) / gramian.shape[0], SMALLEST)
    return gramian / scale, scale
