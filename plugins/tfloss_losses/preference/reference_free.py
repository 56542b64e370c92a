"""Preferences without a reference model."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast
from tfloss.ops import mean_per_example

_FREE = "(chosen=hidden1, rejected=hidden2)"


@tfloss.loss(
    family="preference",
    same_shape=("chosen", "rejected"),
    latex=r"-\log\sigma\bigl(\beta(\log\pi_w-\log\pi_l)-\gamma\bigr)",
    range=(0, None),
    example="simpo" + _FREE,
)
def simpo(
    chosen: Any,
    rejected: Any,
    *,
    beta: Annotated[float, Above(0)] = 2.0,
    margin: Annotated[float, AtLeast(0)] = 1.0,
) -> Any:
    """SimPO: preferences without a reference, by a margin.

    chosen, rejected: (batch, …), log-probabilities divided by the number of tokens.
    Returns (batch,), in nats: the mean over all axes but the first.

    beta: how steep, positive.
    margin: γ, by which the better answer shall lead, 0 or more.

    Source: Meng, Xia and Chen 2024, "SimPO: simple preference optimization with a reference-free
    reward".
    """
    return mean_per_example(tf.nn.softplus(margin - beta * (chosen - rejected)))


@tfloss.loss(
    family="preference",
    same_shape=("chosen", "rejected"),
    latex=r"\max\bigl(0,\delta-\beta(\log\pi_w-\log\pi_l)\bigr)",
    range=(0, None),
    kinks=("the lead equals the margin",),
    example="slic" + _FREE,
)
def slic(
    chosen: Any,
    rejected: Any,
    *,
    beta: Annotated[float, Above(0)] = 1.0,
    margin: Annotated[float, AtLeast(0)] = 1.0,
) -> Any:
    """Sequence likelihood calibration: a hinge on the lead of the better answer.

    chosen, rejected: (batch, …), summed log-probabilities.
    Returns (batch,): the mean over all axes but the first.

    beta: how steep, positive.
    margin: δ, by which the better answer shall lead, 0 or more.

    Source: Zhao et al. 2023, "SLiC-HF: sequence likelihood calibration with human feedback".
    """
    return mean_per_example(tf.nn.relu(margin - beta * (chosen - rejected)))


@tfloss.loss(
    family="preference",
    same_shape=("chosen", "rejected"),
    latex=r"-\log\sigma\Bigl(\log\frac{\pi_w}{1-\pi_w}-\log\frac{\pi_l}{1-\pi_l}\Bigr)",
    range=(0, None),
    domains={"chosen": "log_chances", "rejected": "log_chances"},
    example="ce + 0.1*odds_ratio(chosen=log(teacher), rejected=log_softmax(logits))",
)
def odds_ratio(chosen: Any, rejected: Any) -> Any:
    """ORPO's penalty: the odds of the better answer against those of the worse one.

    chosen, rejected: (batch, …), log-probabilities divided by the number of tokens, not above 0;
    one above -1e-6 counts as -1e-6.
    Returns (batch,), in nats: the mean over all axes but the first.

    Source: Hong, Lee and Thorne 2024, "ORPO: monolithic preference optimization without reference
    model", the relative ratio loss.
    """
    return mean_per_example(tf.nn.softplus(_log_odds(rejected) - _log_odds(chosen)))


def _log_odds(log_p: Any) -> Any:
    log_p = tf.minimum(log_p, -1e-6)
    return log_p - tf.math.log(-tf.math.expm1(log_p))


@tfloss.loss(
    family="preference",
    same_shape=("chosen", "rejected"),
    latex=r"-\log\sigma(r_w-r_l)",
    range=(0, None),
    example="bradley_terry" + _FREE,
)
def bradley_terry(chosen: Any, rejected: Any, *, margin: Annotated[float, AtLeast(0)] = 0.0) -> Any:
    """Reward model: the better of two answers has the higher score.

    chosen, rejected: (batch, …), the scores.
    Returns (batch,), in nats: the mean over all axes but the first.

    margin: by which the better shall lead, 0 or more.

    Source: Bradley and Terry 1952, "Rank analysis of incomplete block designs"; of a reward model:
    Ouyang et al. 2022, "Training language models to follow instructions with human feedback";
    margin: Touvron et al. 2023, "Llama 2".
    """
    return mean_per_example(tf.nn.softplus(margin - (chosen - rejected)))
