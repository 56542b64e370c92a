"""Divergences that follow from the affinity of two distributions, the sum of p^a·q^(1-a).

It is one where they agree. It is computed by its logarithm, so that no power under- or overflows.
"""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, Except, Interval
from tfloss.ops import as_distribution, floored_log, log_probs

_NEAR = 0.1  # to order 1, where the affinity is 1 and its logarithm has no digits left


def _affinity_less_one(teacher: Any, logits: Any, order: float) -> Any:
    """The sum of p·((p/q)^(order - 1) - 1), which keeps its digits next to order 1."""
    log_p, log_q = log_probs(logits), floored_log(as_distribution(teacher))
    # An exponent above 10 belongs to a p below exp(-80), which adds nothing.
    exponent = tf.minimum((order - 1) * (log_p - log_q), 10)
    return tf.reduce_sum(tf.exp(log_p) * tf.math.expm1(exponent), axis=-1)


def _log_affinity(teacher: Any, logits: Any, order: float) -> Any:
    """log of the sum of p^order·q^(1 - order), p the student, q the teacher.  Returns (batch,)."""
    log_q = floored_log(as_distribution(teacher))
    return tf.reduce_logsumexp(order * log_probs(logits) + (1 - order) * log_q, axis=-1)


@tfloss.loss(
    same_shape=("teacher", "logits"),
    latex=r"1-\sum_c\sqrt{p_cq_c}",
    range=(0, 1),
    zero_at_optimum=True,
    symmetric=True,
    family="divergence",
)
def hellinger(teacher: Any, logits: Any) -> Any:
    """Squared Hellinger distance: symmetric, bounded, smooth where the student agrees.

    teacher: (batch, 1), a Bernoulli distribution, or (batch, C), probabilities q.
    logits: same shape, of the student p.
    Returns (batch,), between 0 and 1.

    Source: Hellinger 1909; Tsybakov 2009, "Nonparametric estimation", section 2.4, with factor ½.
    """
    return -tf.math.expm1(_log_affinity(teacher, logits, 0.5))


@tfloss.loss(
    same_shape=("teacher", "logits"),
    latex=r"-\log\sum_c\sqrt{p_cq_c}",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    family="divergence",
)
def bhattacharyya(teacher: Any, logits: Any) -> Any:
    """Bhattacharyya distance: symmetric, growing without bound where nothing overlaps.

    teacher: (batch, 1), a Bernoulli distribution, or (batch, C), probabilities q.
    logits: same shape, of the student p.
    Returns (batch,), in nats.

    Source: Bhattacharyya 1943, "On a measure of divergence between two statistical populations";
    the negative logarithm of the affinity of Tsybakov 2009, section 2.4.
    """
    return -_log_affinity(teacher, logits, 0.5)


@tfloss.loss(
    same_shape=("teacher", "logits"),
    latex=r"\frac1{a-1}\log\sum_c p_c^aq_c^{1-a}",
    range=(0, None),
    zero_at_optimum=True,
    family="divergence",
)
def renyi(
    teacher: Any,
    logits: Any,
    *,
    order: Annotated[float, Above(0), Except(1, "use kl or binary_kl")] = 2.0,
) -> Any:
    """Rényi divergence of p from q: kl with an order that stresses the worst class more or less.

    teacher: (batch, 1), a Bernoulli distribution, or (batch, C), probabilities q.
    logits: same shape, of the student p.
    Returns (batch,), in nats.

    order: a, positive and not 1, where it tends to KL(p‖q).

    Source: Rényi 1961, "On measures of entropy and information", eq. 3.3.
    """
    if abs(order - 1) < _NEAR:
        return tf.math.log1p(_affinity_less_one(teacher, logits, order)) / (order - 1)
    return _log_affinity(teacher, logits, order) / (order - 1)


@tfloss.loss(
    same_shape=("teacher", "logits"),
    latex=r"\frac{1-\sum_c p_c^aq_c^{1-a}}{a(1-a)}",
    range=(0, None),
    zero_at_optimum=True,
    family="divergence",
)
def alpha(
    teacher: Any,
    logits: Any,
    *,
    order: Annotated[float, Interval(0, 2, "right"), Except(1, "use kl or binary_kl")] = 0.5,
) -> Any:
    """Alpha divergence: from covering all that the teacher allows to seeking its peak.

    teacher: (batch, 1), a Bernoulli distribution, or (batch, C), probabilities q.
    logits: same shape, of the student p.
    Returns (batch,).

    order: a in (0, 2] and not 1; near 0 it is KL(q‖p), near 1 KL(p‖q), at 2 half of chi_square.

    Source: Amari 1985; in this form Minka 2005, "Divergence measures and message passing".
    """
    if abs(order - 1) < _NEAR:
        return -_affinity_less_one(teacher, logits, order) / (order * (1 - order))
    return -tf.math.expm1(_log_affinity(teacher, logits, order)) / (order * (1 - order))


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [hellinger, bhattacharyya, renyi, alpha]
