"""Losses that teach a student from a teacher's soft answers."""

from __future__ import annotations

from typing import Any

import tfloss
from tfloss import tf
from tfloss_losses.distributions import (
    as_distribution,
    floored_log,
    log_probs,
    require,
    same_shape,
)


@tfloss.loss(latex=r"T^2\,\mathrm{KL}(q^{(T)}\Vert p^{(T)})", range=(0, None), zero_at_optimum=True)
def kd(teacher: Any, logits: Any, *, temperature: float = 2.0) -> Any:
    """Hinton's distillation term: learn the teacher's distribution, both softened by a temperature.

    KL(q_T‖p_T)·T², the teacher q in the first place: its gradient is that of the soft
    cross-entropy, and it is zero where the student agrees. p_T is the softmax of logits/T. The
    teacher gives probabilities, and its logits are their logarithms but for a constant, so q_T is
    q^(1/T) scaled to add up to one. The factor T² keeps the size of the gradient when the
    temperature changes.

    teacher: (batch, 1), a Bernoulli distribution, or (batch, C), probabilities; a probability below
    1e-7 counts as 1e-7 before it is softened.  logits: same shape.
    Returns (batch,), in nats times T².

    temperature: T, positive; 1 leaves both as they are, more brings out the small probabilities.

    Source: Hinton, Vinyals and Dean 2015, eq. 1 and section 2.
    """
    same_shape(teacher=teacher, logits=logits)
    require(temperature > 0, "temperature", temperature, "must be positive")
    log_q = tf.nn.log_softmax(floored_log(as_distribution(teacher)) / temperature)
    log_p = log_probs(logits / temperature)
    return temperature**2 * tf.reduce_sum(tf.exp(log_q) * (log_q - log_p), axis=-1)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [kd]
