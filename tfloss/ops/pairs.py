"""Pairs of a batch's examples: which belong together, and sums over some of them."""

from __future__ import annotations

import math
from typing import Any

from tfloss.lazy import tf

# Stands for minus infinity in a maximum or a softmax; unlike it, it can be multiplied by zero.
LOWEST = -1e30


def pair_weights(weight: Any) -> Any:
    """The weight of each ordered pair of different examples.

    weight: (batch,).  Returns (batch, batch), 0 on the diagonal.
    """
    products = weight[:, None] * weight[None, :]
    return tf.linalg.set_diag(products, tf.zeros_like(weight))


def same_class(labels: Any) -> Any:
    """1 where two examples are of one class, else 0, (batch, batch); a NaN stays one.

    labels: (batch, 1), the class as a number, or one-hot (batch, C).
    """
    if labels.shape[-1] != 1:
        return tf.matmul(labels, labels, transpose_b=True)
    apart = labels - tf.transpose(labels)
    return tf.where(apart == 0, tf.ones_like(apart), 0 * apart)


def largest(distance: Any, among: Any) -> Any:
    """The largest distance of each row among those marked; LOWEST where none is.

    All that equal it but for rounding share its gradient; else rounding would choose one of them.
    """
    marked = tf.where(among, distance, tf.constant(LOWEST, distance.dtype))
    top = tf.reduce_max(marked, axis=-1, keepdims=True)
    equal = tf.cast(marked >= top - 1e-5 * tf.abs(top), distance.dtype)
    return tf.reduce_sum(equal * marked, axis=-1) / tf.reduce_sum(equal, axis=-1)


def log_sum(exponents: Any, counts: Any) -> Any:
    """log of the sum of counts·exp(exponents) of each row; about LOWEST where nothing counts."""
    lowest = tf.constant(LOWEST, exponents.dtype)
    log_counts = tf.math.log(tf.maximum(counts, math.exp(-60)))
    return tf.reduce_logsumexp(tf.where(counts == 0, lowest, exponents + log_counts), axis=-1)
