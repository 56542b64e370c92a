"""Losses that teach a student from a teacher's soft answers."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast
from tfloss.ops import (
    as_distribution,
    columns,
    log_odds,
    log_probs,
    nan_of,
    several_columns,
)
from tfloss_losses import references


def _logits_of(teacher: Any, teacher_logits: Any) -> Any:
    """The teacher's logits: its own, else those that belong to its probabilities."""
    if teacher_logits is None:
        return log_odds(teacher)
    return teacher_logits + nan_of(teacher)[..., None]  # a teacher that is broken must be seen


def _softened(
    teacher: Any, teacher_logits: Any, logits: Any, temperature: float
) -> tuple[Any, Any]:
    """Log-distributions of teacher and student at a temperature."""
    own = _logits_of(teacher, teacher_logits)
    return log_probs(own / temperature), log_probs(logits / temperature)


@tfloss.loss(
    same_shape=("teacher", "teacher_logits", "logits"),
    latex=r"T^2\,\mathrm{KL}(q^{(T)}\Vert p^{(T)})",
    range=(0, None),
    zero_at_optimum=True,
    example="bce + 0.5*kd(temperature=4)",
    reference=references.kd,
)
def kd(
    teacher: Any,
    logits: Any,
    teacher_logits: Any = None,
    *,
    temperature: Annotated[float, Above(0)] = 2.0,
) -> Any:
    """Hinton's distillation term: learn the teacher's distribution, both softened by a temperature.

    KL(q_T‖p_T)·T², the teacher q in the first place: its gradient is that of the soft
    cross-entropy, and it is zero where the student agrees. p_T is the softmax of logits/T. The
    teacher gives probabilities, and its logits are their logarithms but for a constant, so q_T is
    q^(1/T) scaled to add up to one. The factor T² keeps the size of the gradient when the
    temperature changes.

    teacher: (batch, 1), a Bernoulli distribution, or (batch, C), probabilities; one below 1e-7
        counts as 1e-7, before it is softened, where there are no logits.
    logits: same shape.
    teacher_logits: same shape, the teacher's own logits, or None for those of its probabilities. A
        formula binds them by itself to `teacher.logits`: a network's own, which keep what a
        probability below 1e-7 forgets.
    Returns (batch,), in nats times T².

    temperature: T, positive; 1 leaves both as they are, more brings out the small probabilities.

    Source: Hinton, Vinyals and Dean 2015, eq. 1 and section 2.
    """
    log_q, log_p = _softened(teacher, teacher_logits, logits, temperature)
    return temperature**2 * tf.reduce_sum(tf.exp(log_q) * (log_q - log_p), axis=-1)


@tfloss.loss(
    same_shape=("labels", "teacher", "teacher_logits", "logits"),
    latex=r"T^2\bigl(\alpha\,\mathrm{KL}(b^q\Vert b^p)+\beta\,\mathrm{KL}(\hat q\Vert\hat p)\bigr)",
    range=(0, None),
    zero_at_optimum=True,
    example="ce + dkd(beta=8)",
)
def dkd(
    labels: Any,
    teacher: Any,
    logits: Any,
    teacher_logits: Any = None,
    *,
    alpha: Annotated[float, AtLeast(0)] = 1.0,
    beta: Annotated[float, AtLeast(0)] = 8.0,
    temperature: Annotated[float, Above(0)] = 4.0,
) -> Any:
    """Decoupled distillation: weighs how sure the teacher is apart from how it ranks the others.

    kd is b + (1 - q of the label)·rest, of which b compares the label with all others and rest the
    others among themselves; this frees the second from its factor.

    labels: one-hot (batch, C), C of 2 or more.  teacher: same shape, probabilities.
    logits: same shape.
    teacher_logits: same shape, the teacher's own logits, or None for those of its probabilities. A
        formula binds them by itself to `teacher.logits`: a network's own, which keep what a
        probability below 1e-7 forgets.
    Returns (batch,), in nats times T².

    alpha, beta: weights of the label's part and of the others' part.
    temperature: T, positive, softens teacher and student as in kd.

    Source: Zhao et al. 2022, "Decoupled knowledge distillation", eq. 5 to 7.
    """
    several_columns("dkd", "use kd", logits=logits)
    log_q, log_p = _softened(teacher, teacher_logits, logits, temperature)
    own = labels > 0.5
    (own_q, others_q, rest_q), (own_p, others_p, rest_p) = (
        _decoupled(log_q, own),
        _decoupled(log_p, own),
    )
    label_part = tf.exp(own_q) * (own_q - own_p) + tf.exp(others_q) * (others_q - others_p)
    rest = tf.where(own, tf.zeros_like(rest_q), tf.exp(rest_q) * (rest_q - rest_p))
    parts = alpha * label_part + beta * tf.reduce_sum(rest, axis=-1)
    return temperature**2 * parts + nan_of(labels)


def _decoupled(log_p: Any, own: Any) -> tuple[Any, Any, Any]:
    """Logarithms of the label's share, of all others' share, and of the others among themselves."""
    hidden = tf.fill(tf.shape(log_p), tf.constant(-1e30, log_p.dtype))
    own_share = tf.reduce_logsumexp(tf.where(own, log_p, hidden), axis=-1)
    masked = tf.where(own, hidden, log_p)
    others_share = tf.reduce_logsumexp(masked, axis=-1)
    return own_share, others_share, masked - others_share[:, None]


@tfloss.loss(
    same_shape=("teacher", "teacher_logits", "logits"),
    latex=r"\tau^2\,\mathrm{KL}\bigl(\mathrm{softmax}(Z(v)/\tau)\Vert\mathrm{softmax}(Z(z)/\tau)\bigr)",
    range=(0, None),
    zero_at_optimum=True,
    example="ce + 9*kd_standardised(temperature=2)",
)
def kd_standardised(
    teacher: Any,
    logits: Any,
    teacher_logits: Any = None,
    *,
    temperature: Annotated[float, Above(0)] = 2.0,
) -> Any:
    """Distillation of standardised logits: the student need not match the teacher's sureness.

    Each row of logits, the teacher's being the logarithms of its probabilities, is brought to mean
    0 and standard deviation 1 before it is softened; logits within 0.001 count as equal.

    teacher: (batch, C), probabilities, C of 3 or more.  logits: same shape.
    teacher_logits: same shape, the teacher's own logits, or None for those of its probabilities. A
        formula binds them by itself to `teacher.logits`: a network's own, which keep what a
        probability below 1e-7 forgets.
    Returns (batch,), in nats times the temperature squared.

    temperature: tau, positive, the base temperature.

    Conventions: the deviation divides by C, as the paper writes it; the authors' code by C - 1,
    which is this loss with temperature·√((C - 1)/C).

    Source: Sun et al. 2024, "Logit standardization in knowledge distillation", algorithm 1.
    """
    if columns(logits) < 3:
        raise ValueError("'kd_standardised' needs 3 columns or more; two always become ±1: use kd.")
    log_q = tf.nn.log_softmax(_standardised(_logits_of(teacher, teacher_logits)) / temperature)
    log_p = tf.nn.log_softmax(_standardised(logits) / temperature)
    return temperature**2 * tf.reduce_sum(tf.exp(log_q) * (log_q - log_p), axis=-1)


def _standardised(rows: Any) -> Any:
    """Rows of mean 0 and standard deviation 1; a constant row becomes 0."""
    centred = rows - tf.reduce_mean(rows, axis=-1, keepdims=True)
    variance = tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True)
    # The floor lies above float32's rounding of logarithms, which would be blown up to size 1.
    return centred * tf.math.rsqrt(tf.maximum(variance, 1e-6))


@tfloss.loss(
    same_shape=("teacher", "logits"),
    latex=r"-\log p_{\arg\max_c q_c}",
    range=(0, None),
    zero_at_optimum=False,
    example="ce + hard_labels",
)
def hard_labels(teacher: Any, logits: Any) -> Any:
    """Cross-entropy with the teacher's decision, for teachers whose probabilities mean little.

    teacher: (batch, 1), decided at above 0.5, or (batch, C), decided by the first largest column.
    logits: same shape.
    Returns (batch,), in nats; no gradient goes to the teacher.

    Source: Lee 2013, "Pseudo-label", eq. 14; Touvron et al. 2021 (DeiT), eq. 3.
    """
    log_p = log_probs(logits)
    decided = tf.argmax(as_distribution(teacher), axis=-1)
    chosen = tf.one_hot(decided, log_p.shape[-1], dtype=log_p.dtype)
    return nan_of(teacher) - tf.reduce_sum(chosen * log_p, axis=-1)


@tfloss.loss(
    same_shape=("teacher", "teacher_logits", "logits"),
    latex=r"\frac1C\sum_c(z_c-\bar z-v_c+\bar v)^2,\ v=\log q",
    range=(0, None),
    zero_at_optimum=True,
    example="logit_mse",
)
def logit_mse(teacher: Any, logits: Any, teacher_logits: Any = None) -> Any:
    """Squared distance to the teacher's logits, where small probabilities matter as large ones do.

    The teacher's logits are recovered from its probabilities; on several columns, where logits are
    known but for a constant, both sides are centred on their mean first.

    teacher: (batch, 1) or (batch, C), probabilities; one below 1e-7 counts as 1e-7 where there are
        no logits.
    logits: same shape.
    teacher_logits: same shape, the teacher's own logits, or None for those of its probabilities. A
        formula binds them by itself to `teacher.logits`: a network's own, which keep what a
        probability below 1e-7 forgets.
    Returns (batch,): the mean over the columns.

    Source: Ba and Caruana 2014, "Do deep nets really need to be deep?", eq. 1.
    """
    gap = logits - _logits_of(teacher, teacher_logits)
    if columns(logits) > 1:
        gap -= tf.reduce_mean(gap, axis=-1, keepdims=True)
    return tf.reduce_mean(tf.square(gap), axis=-1)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [kd, dkd, kd_standardised, hard_labels, logit_mse]
