"""Bounds that training can come back from."""

from __future__ import annotations

from typing import Any

from tfloss.lazy import tf


def bounded(values: Any, lowest: float, highest: float) -> Any:
    """Values kept between two bounds; one beyond has a slope where descent leads back, else none.

    For logarithms of scales and the like, whose exponential must stay finite. With
    `tf.clip_by_value` a value that has once left the bounds has no slope at all and stays outside.

    values: any shape.  Returns the same shape.
    """

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def kept(values: Any) -> Any:
        def slope(upstream: Any) -> Any:
            none = tf.zeros_like(upstream)
            upstream = tf.where(values > highest, tf.maximum(upstream, none), upstream)
            return tf.where(values < lowest, tf.minimum(upstream, none), upstream)

        return tf.clip_by_value(values, lowest, highest), slope

    return kept(values)
