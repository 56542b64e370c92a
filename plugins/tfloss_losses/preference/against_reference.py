"""Preferences by how much likelier an answer became than under a frozen reference."""

from __future__ import annotations

import math
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, Interval
from tfloss.ops import mean_per_example
from tfloss_losses.preference.common import PAIR, gains


@tfloss.loss(
    family="preference",
    same_shape=("chosen", "rejected", "ref_chosen", "ref_rejected"),
    latex=r"-\log\sigma\bigl(\beta(\Delta_w-\Delta_l)\bigr),"
    r"\ \Delta=\log\pi-\log\pi_{\mathrm{ref}}",
    range=(0, None),
    example="dpo" + PAIR,
)
def dpo(
    chosen: Any,
    rejected: Any,
    ref_chosen: Any,
    ref_rejected: Any,
    *,
    beta: Annotated[float, Above(0)] = 0.1,
    label_smoothing: Annotated[float, Interval(0, 0.5, "left")] = 0.0,
) -> Any:
    """Direct preference optimization: the better answer gains more than the worse one.

    chosen, rejected, ref_chosen, ref_rejected: (batch, …), summed log-probabilities.
    Returns (batch,), in nats: the mean over all axes but the first.

    beta: how near the student stays to the reference, positive.
    label_smoothing: the share of preferences that are the wrong way round, in [0, ½): conservative
        DPO.

    Source: Rafailov et al. 2023, "Direct preference optimization: your language model is secretly a
    reward model", eq. 7; smoothing: Mitchell 2023, "A note on DPO with noisy preferences".
    """
    won, lost = gains(chosen, rejected, ref_chosen, ref_rejected)
    lead = beta * (won - lost)
    right, wrong = tf.nn.softplus(-lead), tf.nn.softplus(lead)
    return mean_per_example((1 - label_smoothing) * right + label_smoothing * wrong)


@tfloss.loss(
    family="preference",
    same_shape=("chosen", "rejected", "ref_chosen", "ref_rejected"),
    latex=r"\frac{-(1-\epsilon)\log\sigma(\beta d)+\epsilon\log\sigma(-\beta d)}{1-2\epsilon},"
    r"\ d=\Delta_w-\Delta_l",
    example="robust_dpo" + PAIR,
)
def robust_dpo(
    chosen: Any,
    rejected: Any,
    ref_chosen: Any,
    ref_rejected: Any,
    *,
    beta: Annotated[float, Above(0)] = 0.1,
    noise: Annotated[float, Interval(0, 0.5, "left")] = 0.1,
) -> Any:
    """Robust DPO: an unbiased loss where a known share of the preferences is the wrong way round.

    chosen, rejected, ref_chosen, ref_rejected: (batch, …), summed log-probabilities.
    Returns (batch,), in nats: the mean over all axes but the first; it has no lower bound.

    beta: how near the student stays to the reference, positive.
    noise: ε, the share of wrong preferences, in [0, ½).

    Source: Chowdhury, Kini and Natarajan 2024, "Provably robust DPO: aligning language models with
    noisy feedback".
    """
    won, lost = gains(chosen, rejected, ref_chosen, ref_rejected)
    lead = beta * (won - lost)
    right, wrong = tf.nn.softplus(-lead), tf.nn.softplus(lead)
    return mean_per_example(((1 - noise) * right - noise * wrong) / (1 - 2 * noise))


@tfloss.loss(
    family="preference",
    same_shape=("chosen", "rejected", "ref_chosen", "ref_rejected"),
    latex=r"\bigl(\Delta_w-\Delta_l-\tfrac1{2\tau}\bigr)^2",
    range=(0, None),
    example="ipo" + PAIR,
)
def ipo(
    chosen: Any,
    rejected: Any,
    ref_chosen: Any,
    ref_rejected: Any,
    *,
    tau: Annotated[float, Above(0)] = 0.1,
) -> Any:
    """Identity preference optimization: the lead grows to a bound and no further.

    chosen, rejected, ref_chosen, ref_rejected: (batch, …), summed log-probabilities.
    Returns (batch,): the mean over all axes but the first.

    tau: how near the student stays to the reference, positive.

    Source: Azar et al. 2024, "A general theoretical paradigm to understand learning from human
    preferences", eq. 17.
    """
    won, lost = gains(chosen, rejected, ref_chosen, ref_rejected)
    return mean_per_example(tf.square(won - lost - 1 / (2 * tau)))


@tfloss.loss(
    family="preference",
    same_shape=("chosen", "rejected", "ref_chosen", "ref_rejected"),
    latex=r"\mathrm{KL}\bigl((\sigma(\beta d),1-\sigma(\beta d))\,\Vert\,(1-\epsilon,"
    r"\epsilon)\bigr)",
    range=(0, None),
    example="exo" + PAIR,
)
def exo(
    chosen: Any,
    rejected: Any,
    ref_chosen: Any,
    ref_rejected: Any,
    *,
    beta: Annotated[float, Above(0)] = 0.1,
    label_smoothing: Annotated[float, Interval(0, 0.5, "neither")] = 1e-3,
) -> Any:
    """Efficient exact optimization of pairs: the divergence that DPO takes, the other way round.

    chosen, rejected, ref_chosen, ref_rejected: (batch, …), summed log-probabilities.
    Returns (batch,), in nats: the mean over all axes but the first.

    beta: how near the student stays to the reference, positive.
    label_smoothing: ε, in (0, ½).

    Source: Ji et al. 2024, "Towards efficient exact optimization of language model alignment".
    """
    won, lost = gains(chosen, rejected, ref_chosen, ref_rejected)
    lead = beta * (won - lost)
    right, wrong = tf.math.log_sigmoid(lead), tf.math.log_sigmoid(-lead)
    return mean_per_example(
        tf.exp(right) * (right - math.log(1 - label_smoothing))
        + tf.exp(wrong) * (wrong - math.log(label_smoothing))
    )


@tfloss.loss(
    family="preference",
    same_shape=("chosen", "rejected", "ref_chosen", "ref_rejected"),
    latex=r"-\log\sigma(\beta d)(1-m)+e^{-\beta d}m,\ m=\sigma(\beta d/\tau)",
    range=(None, None),
    domains=dict.fromkeys(("chosen", "rejected", "ref_chosen", "ref_rejected"), "log_amounts"),
    example="discopop" + PAIR,
)
def discopop(
    chosen: Any,
    rejected: Any,
    ref_chosen: Any,
    ref_rejected: Any,
    *,
    beta: Annotated[float, Above(0)] = 0.1,
    tau: Annotated[float, Above(0)] = 0.05,
) -> Any:
    """Log-ratio modulated loss: found by search, logistic below and exponential above.

    chosen, rejected, ref_chosen, ref_rejected: (batch, …), summed log-probabilities.
    Returns (batch,), in nats: the mean over all axes but the first.

    beta: how near the student stays to the reference, positive.
    tau: the temperature of the transition, positive.

    Source: Lu et al. 2024, "Discovering preference optimization algorithms with and for large
    language models", the log-ratio modulated loss.
    """
    won, lost = gains(chosen, rejected, ref_chosen, ref_rejected)
    lead = beta * (won - lost)
    # σ(d/τ)·e^(-d), of which neither factor alone is bounded.
    steep = tf.exp(tf.math.log_sigmoid(lead / tau) - lead)
    return mean_per_example(tf.nn.softplus(-lead) * tf.sigmoid(-lead / tau) + steep)
