"""Penalties on the student itself: one value per batch, without a target."""

from __future__ import annotations

from typing import Any

import tfloss
from tfloss import tf


@tfloss.loss(per="batch", latex=r"\sum_j|w_j|", range=(0, None), kinks=("weights == 0",))
def l1(weights: Any) -> Any:
    """Sum of the absolute weights: drives weights to zero one by one.

    weights: a list of tensors of any shapes, or one tensor.
    Returns a scalar, as keras.regularizers.L1(1).

    Source: Tibshirani 1996, "Regression shrinkage and selection via the lasso".
    """
    return tf.add_n([tf.reduce_sum(tf.abs(weight)) for weight in _each(weights)])


@tfloss.loss(per="batch", latex=r"\sum_j w_j^2", range=(0, None))
def l2(weights: Any) -> Any:
    """Sum of the squared weights, without ½: keeps all weights small.

    weights: a list of tensors of any shapes, or one tensor.
    Returns a scalar, as keras.regularizers.L2(1).

    Source: Hoerl and Kennard 1970, "Ridge regression".
    """
    return tf.add_n([tf.reduce_sum(tf.square(weight)) for weight in _each(weights)])


def _each(weights: Any) -> list[Any]:
    """The tensors as a list that is not empty."""
    found = list(weights) if isinstance(weights, (list, tuple)) else [weights]
    if not found:
        raise ValueError("A penalty on 'weights' got none; the student has no weights to penalise.")
    return [tf.convert_to_tensor(weight) for weight in found]


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [l1, l2]
