"""Adversarial losses of a critic, on the logits that it gives to real and to made examples.

The maker's loss is the same with both exchanged. Training the two networks in turn is not what a
formula does; a critic alone, or a classifier of domains, is.
"""

from __future__ import annotations

from typing import Any

import tfloss
from tfloss import tf
from tfloss.ops import weighted_mean, weighted_rows


@tfloss.loss(
    same_shape=("real", "made"),
    per="batch",
    latex=r"\mathrm{mean}\log\bigl(1+e^{-(r-\bar f)}\bigr)+\mathrm{mean}\log\bigl(1+e^{f-\bar r}"
    r"\bigr)",
    range=(0, None),
    family="penalty",
    domains={"real": "logits", "made": "logits"},
    example="relativistic_average(hidden1, hidden2)",
)
def relativistic_average(real: Any, made: Any, sample_weight: Any = None) -> Any:
    """Relativistic average critic: real examples look more real than made ones do on average.

    real, made: (batch, …), the critic's logits.
    sample_weight: (batch,), or None for all ones; counts for both.
    Returns a scalar, in nats. The maker's: relativistic_average(made, real).

    Source: Jolicoeur-Martineau 2019, "The relativistic discriminator: a key element missing from
    standard GAN", the relativistic average discriminator.
    """
    (r, f), weight = weighted_rows(sample_weight, real=real, made=made)
    weight = weight[:, None] * tf.ones_like(r)
    mean_r, mean_f = weighted_mean(r, weight), weighted_mean(f, weight)
    found = weighted_mean(tf.nn.softplus(mean_f - r), weight)
    return found + weighted_mean(tf.nn.softplus(f - mean_r), weight)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [relativistic_average]
