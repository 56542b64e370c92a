"""Several targets at once whose errors go together."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import tfloss
from tfloss import tf
from tfloss.ops import bounded, columns, same_shape


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"\tfrac12\Vert L^\top(y-\mu)\Vert^2-\sum_i\log L_{ii}+\tfrac k2\log2\pi,"
    r"\ \Sigma^{-1}=LL^\top",
    family="likelihood",
    domains={"factor": "log_amounts*any"},
    example="multivariate_normal_nll(labels=amounts, prediction=counts, factor=logits)",
)
def multivariate_normal_nll(labels: Any, prediction: Any, factor: Any) -> Any:
    """Multivariate normal likelihood: which errors come together is learned as well.

    labels, prediction: (batch, k), the targets and their means.
    factor: (batch, k(k + 1)/2), the lower triangle of the precision's Cholesky factor L, row by
    row: L11, L21, L22, L31, …; of its diagonal the logarithms, each kept within ±30.
    Returns (batch,), in nats: of all k targets together.

    Source: Dorta et al. 2018, "Structured uncertainty prediction networks", eq. 2 and 5.
    """
    wide = columns(labels)
    if columns(factor) != wide * (wide + 1) // 2:
        raise ValueError(
            f"'factor' has {columns(factor)} columns but a triangle of {wide} rows has "
            f"{wide * (wide + 1) // 2}."
        )
    same_shape(labels=labels[:, 0], factor=factor[:, 0])
    rows, across = np.tril_indices(wide)
    kept = bounded(factor, -30, 30)  # of the logarithms on the diagonal
    logs = tf.gather(kept, np.flatnonzero(rows == across), axis=-1)
    entries = tf.where(rows == across, tf.exp(kept), factor)
    apart = labels - prediction
    products = entries * tf.gather(apart, rows, axis=-1)  # L_ij·e_i, to be summed for each j
    summed = tf.matmul(products, tf.constant(np.eye(wide)[across], products.dtype))
    square = tf.reduce_sum(tf.square(summed), axis=-1)
    return square / 2 - tf.reduce_sum(logs, axis=-1) + wide / 2 * math.log(2 * math.pi)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [multivariate_normal_nll]
