"""Learning from preferences: of two answers, one was liked better.

chosen, rejected: (batch, …), the log-probability that the student gives to the better and to the
worse answer, summed over its tokens; ref_chosen, ref_rejected: the same of the frozen model that
training started from, columns of the data. All losses are about their differences.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, Interval
from tfloss.ops import mean_per_example, same_shape, zeroed

_PAIR = "(chosen=hidden1, rejected=hidden2, ref_chosen=slope, ref_rejected=other_domain)"
_FREE = "(chosen=hidden1, rejected=hidden2)"


def _gains(chosen: Any, rejected: Any, ref_chosen: Any, ref_rejected: Any) -> tuple[Any, Any]:
    """How much likelier than to the reference each answer is, as logarithms."""
    return chosen - ref_chosen, rejected - ref_rejected


@tfloss.loss(
    same_shape=("chosen", "rejected", "ref_chosen", "ref_rejected"),
    latex=r"-\log\sigma\bigl(\beta(\Delta_w-\Delta_l)\bigr),"
    r"\ \Delta=\log\pi-\log\pi_{\mathrm{ref}}",
    range=(0, None),
    example="dpo" + _PAIR,
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
    won, lost = _gains(chosen, rejected, ref_chosen, ref_rejected)
    lead = beta * (won - lost)
    right, wrong = tf.nn.softplus(-lead), tf.nn.softplus(lead)
    return mean_per_example((1 - label_smoothing) * right + label_smoothing * wrong)


@tfloss.loss(
    same_shape=("chosen", "rejected", "ref_chosen", "ref_rejected"),
    latex=r"\frac{-(1-\epsilon)\log\sigma(\beta d)+\epsilon\log\sigma(-\beta d)}{1-2\epsilon},"
    r"\ d=\Delta_w-\Delta_l",
    example="robust_dpo" + _PAIR,
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
    won, lost = _gains(chosen, rejected, ref_chosen, ref_rejected)
    lead = beta * (won - lost)
    right, wrong = tf.nn.softplus(-lead), tf.nn.softplus(lead)
    return mean_per_example(((1 - noise) * right - noise * wrong) / (1 - 2 * noise))


@tfloss.loss(
    same_shape=("chosen", "rejected", "ref_chosen", "ref_rejected"),
    latex=r"\bigl(\Delta_w-\Delta_l-\tfrac1{2\tau}\bigr)^2",
    range=(0, None),
    example="ipo" + _PAIR,
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
    won, lost = _gains(chosen, rejected, ref_chosen, ref_rejected)
    return mean_per_example(tf.square(won - lost - 1 / (2 * tau)))


@tfloss.loss(
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
    same_shape=("chosen", "rejected"),
    latex=r"-\log\sigma\Bigl(\log\frac{\pi_w}{1-\pi_w}-\log\frac{\pi_l}{1-\pi_l}\Bigr)",
    range=(0, None),
    domains={"chosen": "numbers", "rejected": "numbers"},
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


@tfloss.loss(
    same_shape=("chosen", "rejected", "ref_chosen", "ref_rejected"),
    latex=r"1-\sigma(\beta\Delta_w)+\sigma(\beta\Delta_l)",
    range=(0, 2),
    example="apo_zero" + _PAIR,
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
    won, lost = _gains(chosen, rejected, ref_chosen, ref_rejected)
    return mean_per_example(1 - tf.sigmoid(beta * won) + tf.sigmoid(beta * lost))


@tfloss.loss(
    same_shape=("chosen", "rejected", "ref_chosen", "ref_rejected"),
    latex=r"\sigma(\beta\Delta_w)+1-\sigma\bigl(\beta(\Delta_w-\Delta_l)\bigr)",
    range=(0, 2),
    example="apo_down" + _PAIR,
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
    won, lost = _gains(chosen, rejected, ref_chosen, ref_rejected)
    return mean_per_example(tf.sigmoid(beta * won) + 1 - tf.sigmoid(beta * (won - lost)))


@tfloss.loss(
    same_shape=("chosen", "rejected", "ref_chosen", "ref_rejected"),
    latex=r"\bigl(\Delta_w-\tfrac1{2\beta}\bigr)^2+\bigl(\Delta_l+\tfrac1{2\beta}\bigr)^2",
    range=(0, None),
    example="sppo" + _PAIR,
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
    won, lost = _gains(chosen, rejected, ref_chosen, ref_rejected)
    return mean_per_example(tf.square(won - 0.5 / beta) + tf.square(lost + 0.5 / beta))


@tfloss.loss(
    same_shape=("chosen", "rejected", "ref_chosen", "ref_rejected"),
    latex=r"-\log\sigma(\beta\Delta_w)-\tfrac12\log\sigma(-\beta\Delta_w)"
    r"-\tfrac12\log\sigma(-\beta\Delta_l)",
    range=(0, None),
    example="nca_pair" + _PAIR,
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
    won, lost = _gains(chosen, rejected, ref_chosen, ref_rejected)
    right = tf.nn.softplus(-beta * won)
    wrong = (tf.nn.softplus(beta * won) + tf.nn.softplus(beta * lost)) / 2
    return mean_per_example(right + wrong)


@tfloss.loss(
    same_shape=("chosen", "rejected", "ref_chosen", "ref_rejected"),
    latex=r"\mathrm{KL}\bigl((\sigma(\beta d),1-\sigma(\beta d))\,\Vert\,(1-\epsilon,"
    r"\epsilon)\bigr)",
    range=(0, None),
    example="exo" + _PAIR,
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
    won, lost = _gains(chosen, rejected, ref_chosen, ref_rejected)
    lead = beta * (won - lost)
    right, wrong = tf.math.log_sigmoid(lead), tf.math.log_sigmoid(-lead)
    return mean_per_example(
        tf.exp(right) * (right - math.log(1 - label_smoothing))
        + tf.exp(wrong) * (wrong - math.log(label_smoothing))
    )


@tfloss.loss(
    same_shape=("chosen", "rejected", "ref_chosen", "ref_rejected"),
    latex=r"-\log\sigma(\beta d)(1-m)+e^{-\beta d}m,\ m=\sigma(\beta d/\tau)",
    range=(None, None),
    domains=dict.fromkeys(("chosen", "rejected", "ref_chosen", "ref_rejected"), "log_amounts"),
    example="discopop" + _PAIR,
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
    won, lost = _gains(chosen, rejected, ref_chosen, ref_rejected)
    lead = beta * (won - lost)
    # σ(d/τ)·e^(-d), of which neither factor alone is bounded.
    steep = tf.exp(tf.math.log_sigmoid(lead / tau) - lead)
    return mean_per_example(tf.nn.softplus(-lead) * tf.sigmoid(-lead / tau) + steep)


def _unpaired(policy: Any, reference: Any, liked: Any) -> tuple[Any, Any]:
    same_shape(liked=liked, policy=policy[:, 0] if len(policy.shape) > 1 else policy)
    gain = policy - reference
    return gain, tf.reshape(liked, [-1] + [1] * (len(gain.shape) - 1))


@tfloss.loss(
    per="batch",
    same_shape=("policy", "ref"),
    latex=r"\lambda_y\Bigl(1-\sigma\bigl(\pm\beta(\Delta-\lfloor z\rfloor)\bigr)\Bigr),"
    r"\ z=\max(0,\overline\Delta)",
    range=(0, None),
    domains={"liked": "groups"},
    exempt={"gradient equals finite differences": "the point of reference z is a constant"},
    example="kto(policy=hidden1, ref=slope, liked=sex)",
)
def kto(
    policy: Any,
    ref: Any,
    liked: Any,
    sample_weight: Any = None,
    *,
    beta: Annotated[float, Above(0)] = 0.1,
    desirable: Annotated[float, Above(0)] = 1.0,
    undesirable: Annotated[float, Above(0)] = 1.0,
) -> Any:
    """Kahneman-Tversky optimization: answers that were liked or disliked, not in pairs.

    policy, ref: (batch, …), summed log-probabilities by student and reference.
    liked: (batch,), 1 or 0.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: the weighted mean. The point of reference is the batch's mean gain, if that is
    positive: the paper estimates it by answers to other questions.

    beta: how near the student stays to the reference, positive.
    desirable, undesirable: what an example counts that was liked, or not; positive.

    Source: Ethayarajh et al. 2024, "KTO: model alignment as prospect theoretic optimization".
    """
    gain, liked = _unpaired(policy, ref, liked)
    weight = _broad_weight(gain, sample_weight)
    gain, liked = zeroed(gain, sample_weight), zeroed(liked, sample_weight)
    usual = _mean(gain, weight)
    usual = tf.stop_gradient(tf.maximum(usual, 0))
    up = desirable * tf.sigmoid(-beta * (gain - usual))
    down = undesirable * tf.sigmoid(-beta * (usual - gain))
    return _mean(liked * up + (1 - liked) * down, weight)


@tfloss.loss(
    per="batch",
    same_shape=("policy", "ref"),
    latex=r"-y\log\sigma(\beta\Delta-\delta)-(1-y)\log\sigma(\delta-\beta\Delta),"
    r"\ \delta=\tfrac12(\bar r_1+\bar r_0)",
    range=(0, None),
    domains={"liked": "groups"},
    exempt={"gradient equals finite differences": "the shift delta is a constant"},
    example="bco(policy=hidden1, ref=slope, liked=sex)",
)
def bco(
    policy: Any,
    ref: Any,
    liked: Any,
    sample_weight: Any = None,
    *,
    beta: Annotated[float, Above(0)] = 0.1,
) -> Any:
    """Binary classifier optimization: liked and disliked told apart by their gain.

    policy, ref: (batch, …), summed log-probabilities by student and reference.
    liked: (batch,), 1 or 0.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar, in nats: the weighted mean. The shift δ is the middle between the mean rewards
    of both groups in the batch; the paper's is a moving average.

    beta: how near the student stays to the reference, positive.

    Source: Jung et al. 2024, "Binary classifier optimization for large language model alignment".
    """
    gain, liked = _unpaired(policy, ref, liked)
    weight = _broad_weight(gain, sample_weight)
    reward = tf.where(weight == 0, tf.zeros_like(gain), beta * gain)
    liked = tf.where(weight == 0, tf.zeros_like(reward), liked + tf.zeros_like(reward))
    shift = (_mean(reward, weight * liked) + _mean(reward, weight * (1 - liked))) / 2
    shift = tf.stop_gradient(shift)
    right, wrong = tf.nn.softplus(shift - reward), tf.nn.softplus(reward - shift)
    return _mean(liked * right + (1 - liked) * wrong, weight)


def _broad_weight(values: Any, sample_weight: Any) -> Any:
    """The weight of each value, of its shape."""
    weight = tf.ones_like(values)
    if sample_weight is None:
        return weight
    same_shape(
        values=values[:, 0] if len(values.shape) > 1 else values, sample_weight=sample_weight
    )
    return weight * tf.reshape(sample_weight, [-1] + [1] * (len(values.shape) - 1))


def _mean(values: Any, weight: Any) -> Any:
    return tf.reduce_sum(weight * values) / tf.maximum(tf.reduce_sum(weight), 1e-12)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [
        dpo,
        robust_dpo,
        ipo,
        simpo,
        slic,
        odds_ratio,
        bradley_terry,
        apo_zero,
        apo_down,
        sppo,
        nca_pair,
        exo,
        discopop,
        kto,
        bco,
    ]
