"""Survival analysis: how long until an event, of which for some only a lower bound is known.

time: (batch,), how long each example was observed, above 0, in any unit.
event: (batch,), 1 where the event was seen at that time, 0 where observation ended without it
(censored).  Both are columns of the data: `cox(time=months, event=died, score=logits)`.

The losses in discrete time divide it into intervals of one `width`, of which the student has one
output each. Whoever is observed beyond the last interval has survived all of them.
"""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, Interval, OneOf
from tfloss.ops import LOWEST, columns, log_sum, same_shape, weighted_mean, zeroed

_BESIDE = {"time": "times", "event": "groups"}


def _observed(time: Any, event: Any, output: Any, name: str) -> None:
    """Refuse columns that are not (batch,), and an output of other length."""
    if len(time.shape) != 1 or len(output.shape) != 2:
        raise ValueError(
            f"'time' and 'event' must be (batch,) and '{name}' (batch, outputs), but their shapes "
            f"are {tuple(time.shape)} and {tuple(output.shape)}."
        )
    same_shape(time=time, **{name: output[:, 0]})


@tfloss.loss(
    per="batch",
    same_shape=("time", "event"),
    latex=r"\frac1d\sum_{i:\,\mathrm{event}}w_i\Bigl(\log\sum_{j:\,t_j\ge t_i}w_je^{s_j}-s_i\Bigr)",
    domains={**_BESIDE, "score": "numbers"},
    example="cox(time, event, score=hidden1)",
)
def cox(
    time: Any,
    event: Any,
    score: Any,
    sample_weight: Any = None,
    *,
    ties: Annotated[str, OneOf("breslow", "efron")] = "breslow",
) -> Any:
    """Cox' partial likelihood: of those still at risk, the one with the event has a high score.

    time, event: (batch,), how long observed, and 1 for an event or 0 for censored.
    score: (batch, 1), the logarithm of the relative risk.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar, in nats: the weighted mean over events, each among those of the batch who were
    observed as long; 0 for a batch without an event. Memory grows with the square of the batch.

    ties: of events at one time 'breslow', all are still at risk, or 'efron', who leave one by one.

    Source: Cox 1972, "Regression models and life-tables"; as a network's loss: Katzman et al. 2018,
    "DeepSurv"; ties: Breslow 1974, "Covariance analysis of censored survival data", and Efron 1977,
    "The efficiency of Cox's likelihood function for censored data".
    """
    _observed(time, event, score, "score")
    if columns(score) != 1:
        raise ValueError(f"'score' has {columns(score)} columns, but its shape is (batch, 1).")
    weight = tf.ones_like(time) if sample_weight is None else sample_weight
    same_shape(time=time, sample_weight=weight)
    there = weight != 0
    time, event, risk = (
        tf.where(there, values, tf.zeros_like(values)) for values in (time, event, score[:, 0])
    )
    at_risk = tf.cast(time[None, :] >= time[:, None], risk.dtype)
    own = event * weight
    if ties == "efron":
        gone, own = _leaving_one_by_one(time, event, weight, there)
        at_risk *= 1 - gone
    among = log_sum(tf.zeros_like(at_risk) + risk[None, :], at_risk * weight[None, :])
    hidden = 0 * tf.reduce_sum(time)  # comparing hides a NaN
    return weighted_mean(among, own) - weighted_mean(risk, event * weight) + hidden


def _leaving_one_by_one(time: Any, event: Any, weight: Any, there: Any) -> tuple[Any, Any]:
    """What share of j has left when event i happens, (batch, batch), and the weight of each event.

    Of d tied events the l-th, counted from 0, is among the rest and (1 - l/d) of the tied.
    """
    happened = tf.cast(there, event.dtype) * event
    tied = tf.cast(time[None, :] == time[:, None], event.dtype) * happened[None, :]
    number = tf.reduce_sum(tf.linalg.band_part(tied, -1, 0) - tf.linalg.diag(happened), axis=-1)
    among = tf.maximum(tf.reduce_sum(tied, axis=-1), 1)
    shared = event * tf.reduce_sum(tied * weight[None, :], axis=-1) / among
    return tied * (number / among)[:, None], shared


@tfloss.loss(
    same_shape=("time", "event"),
    latex=r"-e\log h_k-(1-e)\log(1-h_k)-\sum_{j<k}\log(1-h_j),\ h=\sigma(z)",
    range=(0, None),
    domains=_BESIDE,
    example="logistic_hazard(time, event, logits, width=1.5)",
)
def logistic_hazard(
    time: Any, event: Any, logits: Any, *, width: Annotated[float, Above(0)] = 1.0
) -> Any:
    """Logistic hazard (nnet-survival): each interval asks whether the event falls into it.

    time, event: (batch,), how long observed, and 1 for an event or 0 for censored.
    logits: (batch, intervals); their sigmoid is the chance of the event in an interval, of those
    who have come so far. Who is censored in an interval has survived it.
    Returns (batch,), in nats.

    width: of an interval, in the unit of time; positive.

    Source: Gensheimer and Narasimhan 2019, "A scalable discrete-time survival model for neural
    networks"; the censored as in Kvamme and Borgan 2021, "Continuous and discrete-time survival
    prediction with neural networks".
    """
    _observed(time, event, logits, "logits")
    at, before = _intervals(time, columns(logits), width)
    asked = before + at
    cost = tf.nn.sigmoid_cross_entropy_with_logits(labels=at * event[:, None], logits=logits)
    return tf.reduce_sum(asked * cost, axis=-1) + 0 * tf.reduce_sum(logits, axis=-1)


def _intervals(time: Any, count: int, width: float) -> tuple[Any, Any]:
    """1 for the interval that a time falls into, and 1 for those before it, both (batch, count)."""
    started = tf.floor(time / width)[:, None] - tf.range(count, dtype=time.dtype)[None, :]
    at = tf.where(started == 0, tf.ones_like(started), 0 * started)
    return at, tf.where(started > 0, tf.ones_like(started), 0 * started)


def _log_mass(time: Any, event: Any, logits: Any, width: float) -> Any:
    """Log-probability of the event's interval, or of all later ones; beyond the last has logit 0.

    Source: Kvamme and Borgan 2021 for what lies beyond.
    """
    at, before = _intervals(time, columns(logits), width)
    log_p = tf.nn.log_softmax(tf.pad(logits, [[0, 0], [0, 1]]))
    at, before = tf.pad(at, [[0, 0], [0, 1]]), tf.pad(before, [[0, 0], [0, 1]])
    beyond = 1 - tf.reduce_sum(at, axis=-1)
    seen = tf.reduce_sum(at * log_p, axis=-1)
    lowest = tf.constant(LOWEST, log_p.dtype)
    later = tf.reduce_logsumexp(tf.where(at + before > 0, lowest, log_p), axis=-1)
    return event * (1 - beyond) * seen + (1 - event * (1 - beyond)) * later


@tfloss.loss(
    same_shape=("time", "event"),
    latex=r"-e\log p_k-(1-e)\log\sum_{j>k}p_j,\ p=\mathrm{softmax}(z,0)",
    range=(0, None),
    domains=_BESIDE,
    example="pmf(time, event, logits, width=1.5)",
)
def pmf(time: Any, event: Any, logits: Any, *, width: Annotated[float, Above(0)] = 1.0) -> Any:
    """Probability mass function: a distribution over intervals and what lies beyond them.

    time, event: (batch,), how long observed, and 1 for an event or 0 for censored.
    logits: (batch, intervals); with a 0 for what lies beyond the last their softmax is the chance
    that the event falls into each. Who is censored in an interval has survived it.
    Returns (batch,), in nats.

    width: of an interval, in the unit of time; positive.

    Source: Kvamme and Borgan 2021, "Continuous and discrete-time survival prediction with neural
    networks", the method PMF.
    """
    _observed(time, event, logits, "logits")
    return -_log_mass(time, event, logits, width)


@tfloss.loss(
    same_shape=("time", "event"),
    latex=r"-e\log p_k-(1-e)\log\sum_{j>k}p_j,\ p=\mathrm{softmax}"
    r"\Bigl(\sum_{l\ge1}z_l,\sum_{l\ge2}z_l,\dots,0\Bigr)",
    range=(0, None),
    domains=_BESIDE,
    exempt={"the same under XLA": "sums of fifty logits of 1e4 differ by rounding, in any order"},
    example="mtlr(time, event, logits, width=1.5)",
)
def mtlr(time: Any, event: Any, logits: Any, *, width: Annotated[float, Above(0)] = 1.0) -> Any:
    """Multi-task logistic regression: a question per interval, of which the answers are a sequence.

    time, event: (batch,), how long observed, and 1 for an event or 0 for censored.
    logits: (batch, intervals); the sum of an interval's and all later ones is its score in pmf.
    Returns (batch,), in nats.

    width: of an interval, in the unit of time; positive.

    Source: Yu et al. 2011, "Learning patient-specific cancer survival distributions as a sequence
    of dependent regressors"; of a network: Fotso 2018, "Deep neural networks for survival analysis
    based on a multi-task framework".
    """
    _observed(time, event, logits, "logits")
    return -_log_mass(time, event, tf.cumsum(logits, axis=-1, reverse=True), width)


@tfloss.loss(
    same_shape=("time", "event"),
    latex=r"\rho_kh_k+\sum_{j<k}h_j-e\log h_k,\ h=\log(1+e^z),\ \rho_k=t/w-k",
    domains=_BESIDE,
    example="pc_hazard(time, event, logits, width=1.5)",
)
def pc_hazard(
    time: Any, event: Any, logits: Any, *, width: Annotated[float, Above(0)] = 1.0
) -> Any:
    """Piecewise constant hazard: in continuous time, with a rate for each interval.

    time, event: (batch,), how long observed, and 1 for an event or 0 for censored.
    logits: (batch, intervals); their softplus is the rate of events per interval.
    Returns (batch,), in nats: the negative log-density of time in intervals, so that it may be
    negative. An event beyond the last interval counts as censored at its end.

    width: of an interval, in the unit of time; positive.

    Source: Kvamme and Borgan 2021, "Continuous and discrete-time survival prediction with neural
    networks", the method PC-Hazard.
    """
    _observed(time, event, logits, "logits")
    at, before = _intervals(time, columns(logits), width)
    within = (time / width)[:, None] - tf.range(columns(logits), dtype=time.dtype)
    cumulative = tf.reduce_sum((before + at * within) * tf.nn.softplus(logits), axis=-1)
    return cumulative - event * tf.reduce_sum(at * _log_softplus(logits), axis=-1)


def _log_softplus(x: Any) -> Any:
    """log(log(1 + e^x)), which far below zero is x."""
    inner = tf.math.log(tf.nn.softplus(tf.maximum(x, -15.0)))
    return tf.where(x < -15, x, inner)


@tfloss.loss(
    per="batch",
    same_shape=("time", "event"),
    latex=r"\alpha\,\mathrm{mean}_i\ell_i^{\mathrm{pmf}}+(1-\alpha)\,\mathrm{mean}_{ij}"
    r"[t_i<t_j,e_i]\,e^{-(F_i(t_i)-F_j(t_i))/\sigma}",
    range=(0, None),
    domains=_BESIDE,
    example="deephit(time, event, logits, width=1.5)",
)
def deephit(
    time: Any,
    event: Any,
    logits: Any,
    sample_weight: Any = None,
    *,
    width: Annotated[float, Above(0)] = 1.0,
    alpha: Annotated[float, Interval(0, 1)] = 0.2,
    sigma: Annotated[float, AtLeast(0.02)] = 0.1,
) -> Any:
    """DeepHit: the likelihood of pmf, and whoever has the event first shall be likeliest by then.

    time, event: (batch,), how long observed, and 1 for an event or 0 for censored.
    logits: (batch, intervals), as of pmf.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: the two parts' weighted sum; the second is a mean over all ordered pairs, also
    those that say nothing. Memory grows with the square of the batch.

    width: of an interval, in the unit of time; positive.
    alpha: the share of the likelihood, from 0 to 1.
    sigma: 0.02 or more, as e^(1/σ) must be a number; the smaller, the harder a wrong order counts.

    Source: Lee et al. 2018, "DeepHit: a deep learning approach to survival analysis with competing
    risks", for one risk and with shares that add up to one, as in pycox.
    """
    _observed(time, event, logits, "logits")
    weight = tf.ones_like(time) if sample_weight is None else sample_weight
    same_shape(time=time, sample_weight=weight)
    time, event, logits = (zeroed(x, weight) for x in (time, event, logits))
    likelihood = weighted_mean(-_log_mass(time, event, logits, width), weight)
    at, before = _intervals(time, columns(logits), width)
    probs = tf.nn.softmax(tf.pad(logits, [[0, 0], [0, 1]]))[:, :-1]
    happened = tf.matmul(probs, at + before, transpose_b=True)  # F_j(t_i) at [j, i]
    lead = tf.linalg.diag_part(happened)[:, None] - tf.transpose(happened)
    seen = event * tf.reduce_sum(at, axis=-1)
    number = tf.reduce_sum(before, axis=-1)
    later = tf.cast(number[:, None] < number[None, :], probs.dtype)
    alike = tf.cast(number[:, None] == number[None, :], probs.dtype)
    # Censored in the same interval, the other has survived it.
    pairs = seen[:, None] * (later + alike * (1 - event)[None, :])
    everyone = weight[:, None] * weight[None, :]
    ranks = weighted_mean(pairs * tf.exp(-lead / sigma), everyone)
    return alpha * likelihood + (1 - alpha) * ranks


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [cox, logistic_hazard, pmf, mtlr, pc_hazard, deephit]
