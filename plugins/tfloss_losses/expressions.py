"""Any expression of tensors as a term, signed: what Keras' `add_loss` is for."""

from __future__ import annotations

from typing import Any

import tfloss
from tfloss import tf
from tfloss.ops import as_rows


@tfloss.loss(latex=r"\frac1k\sum_jx_j", example="bce + 0.1*value(probs*hidden1)")
def value(expression: Any) -> Any:
    """Mean of an expression of tensors, with its sign: whatever a formula can compute is a term.

    A boundary loss is value(probs*distance), a policy gradient value(-advantage*log_p), the gap of
    a Wasserstein critic value(critic.generated - critic.real).

    expression: (batch, …), numbers of either sign.
    Returns (batch,): the mean over all axes but the first, as `tf.reduce_mean` of each row.

    Source: Keras, `Layer.add_loss` and `Model.add_loss`, which take any scalar tensor; boundary
    loss: Kervadec et al. 2019, "Boundary loss for highly unbalanced segmentation".
    """
    return tf.reduce_mean(as_rows(expression), axis=-1)


@tfloss.loss(latex=r"\sum_jx_j", example="mse + 0.01*value_sum(square(hidden1) - 1)")
def value_sum(expression: Any) -> Any:
    """Sum of an expression of tensors over each example, with its sign.

    The divergence of a variational autoencoder's code from N(0, 1), with mean and log-variance as
    layers, is 0.5*value_sum(exp(log_variance) + square(mean) - 1 - log_variance).

    expression: (batch, …), numbers of either sign.
    Returns (batch,): the sum over all axes but the first, as `tf.reduce_sum` of each row.

    Source: as `value`; the example: Kingma and Welling 2014, "Auto-encoding variational Bayes",
    appendix B.
    """
    return tf.reduce_sum(as_rows(expression), axis=-1)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [value, value_sum]
