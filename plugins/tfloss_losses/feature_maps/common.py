"""What the losses of feature maps share."""

from __future__ import annotations

from typing import Any

from tfloss import tf

SAME = ("teacher_maps", "maps")


EXAMPLE = "(teacher.conv1, conv1)"


def as_places(maps: Any) -> Any:
    """(batch, …, channels) as (batch, places, channels)."""
    return tf.reshape(maps, [-1, maps.shape[1:-1].num_elements(), maps.shape[-1]])
