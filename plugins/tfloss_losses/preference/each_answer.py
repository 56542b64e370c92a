"""Preferences in which each answer of a pair is judged by its own gain."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above
from tfloss.ops import mean_per_example
from tfloss_losses.preference.common import PAIR, gains


@tfloss.loss(
    family="preference",
    same_shape=("chosen", "rejected", "ref_chosen", "ref_rejected"),
    latex=r"1-\sigma(\beta\Delta_w)+\sigma(\beta\Delta_l)",
    range=(0, 2),
    example="apo_zero" + PAIR,
)
def apo_zero(
    chosen: Any,
    rejected: Any,
    ref_chosen: Any,
    ref_rejected: Any,
    *,
    beta: Annotated[float, Above(0)] = 0.1,
) -> Any:
    """Anchored preference optimization: the better answer becomes likelier, the worse less likely.

    chosen, rejected, ref_chosen, ref_rejected: (batch, …), summed log-probabilities.
    Returns (batch,): the mean over all axes but the first.

    beta: how near the student stays to the reference, positive.

    Source: D'Oosterlinck et al. 2025, "Anchored preference optimization and contrastive revisions",
    APO-zero.
    """
    won, lost = gains(chosen, rejected, ref_chosen, ref_rejected)
    return mean_per_example(1 - tf.sigmoid(beta * won) + tf.sigmoid(beta * lost))


@tfloss.loss(
    family="preference",
    same_shape=("chosen", "rejected", "ref_chosen", "ref_rejected"),
    latex=r"\sigma(\beta\Delta_w)+1-\sigma\bigl(\beta(\Delta_w-\Delta_l)\bigr)",
    range=(0, 2),
    example="apo_down" + PAIR,
)
def apo_down(
    chosen: Any,
    rejected: Any,
    ref_chosen: Any,
    ref_rejected: Any,
    *,
    beta: Annotated[float, Above(0)] = 0.1,
) -> Any:
    """Anchored preference optimization for a student that is better than both: both less likely.

    chosen, rejected, ref_chosen, ref_rejected: (batch, …), summed log-probabilities.
    Returns (batch,): the mean over all axes but the first.

    beta: how near the student stays to the reference, positive.

    Source: D'Oosterlinck et al. 2025, "Anchored preference optimization and contrastive revisions",
    APO-down.
    """
    won, lost = gains(chosen, rejected, ref_chosen, ref_rejected)
    return mean_per_example(tf.sigmoid(beta * won) + 1 - tf.sigmoid(beta * (won - lost)))


@tfloss.loss(
    family="preference",
    same_shape=("chosen", "rejected", "ref_chosen", "ref_rejected"),
    latex=r"\bigl(\Delta_w-\tfrac1{2\beta}\bigr)^2+\bigl(\Delta_l+\tfrac1{2\beta}\bigr)^2",
    range=(0, None),
    example="sppo" + PAIR,
)
def sppo(
    chosen: Any,
    rejected: Any,
    ref_chosen: Any,
    ref_rejected: Any,
    *,
    beta: Annotated[float, Above(0)] = 0.1,
) -> Any:
    """Self-play preference optimization: gain and loss are driven to fixed sizes, each by itself.

    chosen, rejected, ref_chosen, ref_rejected: (batch, …), summed log-probabilities.
    Returns (batch,): the mean over all axes but the first.

    beta: how near the student stays to the reference, positive.

    Source: Wu et al. 2024, "Self-play preference optimization for language model alignment", with
    hard probabilities of winning.
    """
    won, lost = gains(chosen, rejected, ref_chosen, ref_rejected)
    return mean_per_example(tf.square(won - 0.5 / beta) + tf.square(lost + 0.5 / beta))


@tfloss.loss(
    family="preference",
    same_shape=("chosen", "rejected", "ref_chosen", "ref_rejected"),
    latex=r"-\log\sigma(\beta\Delta_w)-\tfrac12\log\sigma(-\beta\Delta_w)"
    r"-\tfrac12\log\sigma(-\beta\Delta_l)",
    range=(0, None),
    example="nca_pair" + PAIR,
)
def nca_pair(
    chosen: Any,
    rejected: Any,
    ref_chosen: Any,
    ref_rejected: Any,
    *,
    beta: Annotated[float, Above(0)] = 0.1,
) -> Any:
    """Noise contrastive alignment of pairs: the better answer's likelihood itself does not fall.

    chosen, rejected, ref_chosen, ref_rejected: (batch, …), summed log-probabilities.
    Returns (batch,), in nats: the mean over all axes but the first.

    beta: how near the student stays to the reference, positive.

    Source: Chen et al. 2024, "Noise contrastive alignment of language models with explicit
    rewards".
    """
    won, lost = gains(chosen, rejected, ref_chosen, ref_rejected)
    right = tf.nn.softplus(-beta * won)
    wrong = (tf.nn.softplus(beta * won) + tf.nn.softplus(beta * lost)) / 2
    return mean_per_example(right + wrong)
