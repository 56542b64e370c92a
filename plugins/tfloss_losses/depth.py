"""Depth from one image: maps (batch, h, w, 1) whose scale nobody knows."""

from __future__ import annotations

from typing import Any

import tfloss
from tfloss import tf
from tfloss.ops import as_rows


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"\mathrm{mean}\,|\hat d-\hat d^*|,\ \hat d=\frac{d-\mathrm{median}\,d}{\mathrm{mean}"
    r"|d-\mathrm{median}\,d|}",
    range=(0, None),
    zero_at_optimum=True,
    kinks=("two numbers are equal",),
    symmetric=True,
    domains={"labels": "images", "prediction": "images"},
    family="images",
    example="affine_invariant_depth(labels=picture, prediction=drawn)",
)
def affine_invariant_depth(labels: Any, prediction: Any) -> Any:
    """Affine-invariant depth error (MiDaS, Depth Anything): right up to scale and shift.

    labels, prediction: (batch, …), depth or disparity, of one shape.
    Returns (batch,): the mean absolute error, each map less its median and over its mean deviation.

    Source: Ranftl et al. 2020, "Towards robust monocular depth estimation", eq. 5 and 6; Yang et
    al. 2024, "Depth Anything", eq. 2.
    """
    one, two = (_aligned(as_rows(x)) for x in (labels, prediction))
    return tf.reduce_mean(tf.abs(one - two), axis=-1)


def _aligned(rows: Any) -> Any:
    """Rows of median zero and mean deviation one; an even one becomes 0."""
    ordered, count = tf.sort(rows, axis=-1), rows.shape[-1]
    median = (ordered[:, (count - 1) // 2] + ordered[:, count // 2])[:, None] / 2
    # Sorting may hide a NaN; this does not.
    apart = rows - median + 0 * tf.reduce_sum(rows, axis=-1, keepdims=True)
    size = tf.reduce_mean(tf.abs(apart), axis=-1, keepdims=True)
    scaled = apart / tf.maximum(size, 1e-6)
    return tf.where(size <= 1e-6, tf.zeros_like(scaled), scaled)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [affine_invariant_depth]
