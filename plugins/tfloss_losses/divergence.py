"""Divergences between the teacher's distribution and the student's.

The student p comes as logits, so that its logarithm is exact at any size; the teacher q comes as
probabilities and is floored at 1e-7 inside a logarithm, so that values and gradients are finite at
exact zeros and ones.
"""

from __future__ import annotations

from typing import Any

import tfloss
from tfloss import tf
from tfloss.ops import as_distribution, columns, floored_log, log_probs, same_shape, zeroed
from tfloss_losses import references


@tfloss.loss(
    same_shape=("teacher", "logits"),
    latex=r"\sum_c p_c\log\frac{p_c}{q_c}",
    range=(None, None),
    zero_at_optimum=True,
    example="bce + 0.1*kl",
    reference=references.kl,
)
def kl(teacher: Any, logits: Any) -> Any:
    """Kullback-Leibler divergence from teacher to student, summed over the columns that are given.

    The student comes first: the reverse KL of papers on distillation. Keras' KLDivergence, with the
    target first, is forward_kl.

    On several columns it is KL(p‖q) of two distributions, never negative. On ONE column it is only
    the second class's share, p·log(p/q) with p the sigmoid, and can be negative down to -1/e; for
    the divergence of two Bernoulli distributions use binary_kl.

    teacher: (batch, 1) or (batch, C), probabilities q.  logits: same shape, of the student p.
    Returns (batch,), in nats.

    Source: Kullback and Leibler 1951, eq. 2.4, with the student in the first place.
    """
    log_p = tf.math.log_sigmoid(logits) if columns(logits) == 1 else tf.nn.log_softmax(logits)
    return tf.reduce_sum(tf.exp(log_p) * (log_p - floored_log(teacher)), axis=-1)


@tfloss.loss(
    same_shape=("teacher", "logits"),
    per="batch",
    latex=r"\Bigl|\sum_i w_i\sum_c p_{ic}\log\frac{p_{ic}}{q_{ic}}\Bigr|",
    range=(0, None),
    zero_at_optimum=True,
    kinks=("sum(kl) == 0",),
    example="bce + 0.1*abs_kl",
)
def abs_kl(teacher: Any, logits: Any, sample_weight: Any = None) -> Any:
    """Absolute value of the batch's summed kl: pulls the student to the teacher on the whole.

    Examples of opposite sign make up for each other, and the value grows with the batch.

    teacher: (batch, 1) or (batch, C), probabilities.  logits: same shape.
    sample_weight: (batch,), or None for all ones; zero where an example is missing.
    Returns a scalar, in nats.

    Source: the loss of the recipe `article`; kl as in Kullback and Leibler 1951, eq. 2.4.
    """
    values = kl(zeroed(teacher, sample_weight), zeroed(logits, sample_weight))
    if sample_weight is not None:
        same_shape(kl=values, sample_weight=sample_weight)
        values = sample_weight * values
    return tf.abs(tf.reduce_sum(values))


@tfloss.loss(
    same_shape=("teacher", "logits"),
    latex=r"\sum_c p_c\log\frac{p_c}{q_c}+(1-p_c)\log\frac{1-p_c}{1-q_c}",
    range=(0, None),
    zero_at_optimum=True,
    domains={"teacher": "chances"},
    example="bce + 0.1*binary_kl",
    reference=references.binary_kl,
)
def binary_kl(teacher: Any, logits: Any) -> Any:
    """Kullback-Leibler divergence KL(p‖q) of Bernoulli distributions, one per column, summed.

    For two classes on one unit, and for columns that are independent yes/no; each column of logits
    is taken through its own sigmoid.

    teacher: (batch, 1) or (batch, C), probabilities q.  logits: same shape, of the student p.
    Returns (batch,), in nats.

    Source: Kullback and Leibler 1951, eq. 2.4, with the student in the first place.
    """
    log_yes, log_no = tf.math.log_sigmoid(logits), tf.math.log_sigmoid(-logits)
    yes = tf.exp(log_yes) * (log_yes - floored_log(teacher))
    no = tf.exp(log_no) * (log_no - floored_log(1 - teacher))
    return tf.reduce_sum(yes + no, axis=-1)


@tfloss.loss(
    same_shape=("teacher", "logits"),
    latex=r"\sum_c q_c\log\frac{q_c}{p_c}",
    range=(0, None),
    zero_at_optimum=True,
    example="ce + forward_kl",
    reference=references.forward_kl,
)
def forward_kl(teacher: Any, logits: Any) -> Any:
    """Kullback-Leibler divergence KL(q‖p), the teacher first: covers all that the teacher allows.

    The forward KL of papers on distillation; Keras' and optax' KL divergence of target and
    prediction. Its gradient is that of cross-entropy with soft labels; kd softens both sides first.
    The other way round, the papers' reverse KL, is kl.

    teacher: (batch, 1), a Bernoulli distribution, or (batch, C), probabilities q.
    logits: same shape, of the student p.
    Returns (batch,), in nats.

    Source: Kullback and Leibler 1951, eq. 2.4.
    """
    q = as_distribution(teacher)
    return tf.reduce_sum(q * (floored_log(q) - log_probs(logits)), axis=-1)


@tfloss.loss(
    same_shape=("teacher", "logits"),
    latex=r"\sum_c(p_c-q_c)\log\frac{p_c}{q_c}",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    example="ce + jeffreys",
    reference=references.jeffreys,
)
def jeffreys(teacher: Any, logits: Any) -> Any:
    """Jeffreys divergence KL(p‖q) + KL(q‖p): symmetric and, unlike js, without a bound.

    teacher: (batch, 1), a Bernoulli distribution, or (batch, C), probabilities q.
    logits: same shape, of the student p.
    Returns (batch,), in nats.

    Source: Jeffreys 1946; Kullback and Leibler 1951, eq. 2.6.
    """
    log_p, q = log_probs(logits), as_distribution(teacher)
    return tf.reduce_sum((tf.exp(log_p) - q) * (log_p - floored_log(q)), axis=-1)


@tfloss.loss(
    same_shape=("teacher", "logits"),
    latex=r"\tfrac12\mathrm{KL}(p\Vert m)+\tfrac12\mathrm{KL}(q\Vert m),\ m=\tfrac12(p+q)",
    range=(0, 0.6931472),
    zero_at_optimum=True,
    symmetric=True,
    example="ce + js",
    reference=references.js,
)
def js(teacher: Any, logits: Any) -> Any:
    """Jensen-Shannon divergence: symmetric and bounded, for a teacher that may be far off.

    teacher: (batch, 1), a Bernoulli distribution, or (batch, C), probabilities q.
    logits: same shape, of the student p.
    Returns (batch,), in nats, between 0 and log 2.

    Source: Lin 1991, "Divergence measures based on the Shannon entropy", eq. 4.1, equal weights.
    """
    p, q = tf.exp(log_probs(logits)), as_distribution(teacher)
    middle = (p + q) / 2
    return tf.reduce_sum(_share(p, middle) + _share(q, middle), axis=-1) / 2


def _share(p: Any, middle: Any) -> Any:
    """p·log(p/middle), zero with a finite derivative where p is zero."""
    # Two logarithms: in a quotient XLA's derivative squares the divisor, which then underflows.
    tiny = 1e-30
    return p * (tf.math.log(tf.maximum(p, tiny)) - tf.math.log(tf.maximum(middle, tiny)))


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [kl, abs_kl, binary_kl, forward_kl, jeffreys, js]
