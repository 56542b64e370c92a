"""Answers of a teacher and a student, weighted or sorted."""

from __future__ import annotations

import math
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, Interval
from tfloss.ops import as_distribution, log_probs


@tfloss.loss(
    same_shape=("labels", "teacher", "logits"),
    latex=r"\Bigl(1-e^{-\ell_s/\ell_t}\Bigr)\,T^2\,\mathrm{CE}(q^{(T)},p^{(T)})",
    range=(0, None),
    family="distillation",
    exempt={"gradient equals finite differences": "the weight is a constant in the gradient"},
    example="ce + 2*weighted_soft_labels(temperature=2)",
)
def weighted_soft_labels(
    labels: Any, teacher: Any, logits: Any, *, temperature: Annotated[float, Above(0)] = 2.0
) -> Any:
    """Weighted soft labels (WSLD): the teacher counts less where the student knows better.

    labels: (batch, 1) or one-hot (batch, C).  teacher: same shape, probabilities; below 1e-7 they
    count as 1e-7.  logits: same shape.
    Returns (batch,), in nats times temperature²; no gradient flows through the weight.

    temperature: T, of both in the cross-entropy.

    Source: Zhou et al. 2021, "Rethinking soft labels for knowledge distillation: a bias-variance
    tradeoff perspective", eq. 13 and 14.
    """
    truth = as_distribution(labels)
    log_q = tf.math.log(tf.maximum(as_distribution(teacher), 1e-7))
    ours = -tf.reduce_sum(truth * log_probs(logits), axis=-1)
    theirs = -tf.reduce_sum(truth * log_q, axis=-1)
    weight = tf.stop_gradient(-tf.math.expm1(-ours / tf.maximum(theirs, 1e-7)))
    soft = tf.nn.softmax(log_q / temperature)
    cross = -tf.reduce_sum(soft * log_probs(logits / temperature), axis=-1)
    return weight * temperature**2 * cross


@tfloss.loss(
    same_shape=("teacher", "logits"),
    latex=r"\beta\,\mathrm{KL}(q\Vert m)+(1-\beta)\,\mathrm{KL}(p\Vert m),\ m=\beta q+(1-\beta)p",
    range=(0, None),
    zero_at_optimum=True,
    family="distillation",
    example="generalised_js(beta=0.1)",
)
def generalised_js(
    teacher: Any, logits: Any, *, beta: Annotated[float, Interval(0, 1, "neither")] = 0.5
) -> Any:
    """Generalised Jensen-Shannon divergence of on-policy distillation (GKD).

    teacher: (batch, 1) or (batch, C), probabilities.  logits: same shape.
    Returns (batch,), in nats.

    beta: β, the teacher's share of the mixture, in (0, 1); near 0 it behaves as kl of teacher and
        student, near 1 the other way round, each times β(1 - β).

    Source: Agarwal et al. 2024, "On-policy distillation of language models: learning from
    self-generated mistakes", eq. 1.
    """
    log_p = log_probs(logits)
    q = as_distribution(teacher)
    log_q = tf.math.log(tf.maximum(q, 1e-30))
    log_m = tf.reduce_logsumexp(
        tf.stack([log_q + math.log(beta), log_p + math.log(1 - beta)]), axis=0
    )
    first = tf.reduce_sum(q * (log_q - log_m), axis=-1)
    second = tf.reduce_sum(tf.exp(log_p) * (log_p - log_m), axis=-1)
    return tf.nn.relu(beta * first + (1 - beta) * second)


@tfloss.loss(
    same_shape=("teacher", "logits"),
    latex=r"\sum_i|q_{(i)}-p_{(i)}|",
    range=(0, 2),
    zero_at_optimum=True,
    kinks=("two sorted probabilities are equal",),
    family="distillation",
    example="ce + universal_logit",
)
def universal_logit(teacher: Any, logits: Any) -> Any:
    """Universal logit distillation (ULD): sorted probabilities, where the classes have other names.

    teacher: (batch, 1) or (batch, C), probabilities.  logits: same shape; pad the narrower with
    probabilities of 0 (logits far below).
    Returns (batch,): the Wasserstein distance with unit cost, the sum over sorted classes.

    Source: Boizard et al. 2024, "Towards cross-tokenizer distillation: the universal logit
    distillation loss for LLMs".
    """
    both = (as_distribution(teacher), tf.exp(log_probs(logits)))
    one, two = (tf.sort(x, axis=-1) for x in both)
    return tf.reduce_sum(tf.abs(one - two), axis=-1) + 0 * tf.reduce_sum(both[0], axis=-1)
