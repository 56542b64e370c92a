"""Views that must be given the same prototypes or classes."""

from __future__ import annotations

import math
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, Interval
from tfloss.ops import (
    LOWEST,
    weighted_mean,
    weighted_rows,
    zero_without_weight,
)


@tfloss.loss(
    per="batch",
    same_shape=("first", "second"),
    latex=r"-\tfrac12\mathrm{mean}_iq_2^\top\log p_1+q_1^\top\log p_2,\ p=\mathrm{softmax}(z/\tau),"
    r"\ q=\mathrm{Sinkhorn}(z/\epsilon)",
    range=(0, None),
    symmetric=True,
    family="self_supervised",
    domains={"first": "unit", "second": "unit"},
    exempt={
        "gradient equals finite differences": "the assignments q are constants in the gradient"
    },
    example="swav(normalize(hidden1), normalize(hidden2))",
)
def swav(
    first: Any,
    second: Any,
    sample_weight: Any = None,
    *,
    temperature: Annotated[float, Above(0)] = 0.1,
    epsilon: Annotated[float, Above(0)] = 0.05,
    iterations: Annotated[int, AtLeast(1)] = 3,
) -> Any:
    """SwAV: each view predicts the other's cluster; the clusters get equally many examples.

    first, second: (batch, C), cosines to C prototypes: a layer of C units without a bias on rows of
    length one.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar, in nats.

    temperature: τ, what cosines are divided by, positive.
    epsilon: of the assignments, positive; the smaller, the harder they are.
    iterations: of Sinkhorn and Knopp, 1 or more.

    Source: Caron et al. 2020, "Unsupervised learning of visual features by contrasting cluster
    assignments", with the authors' algorithm 1 for the assignments.
    """
    rows, weight = weighted_rows(sample_weight, first=first, second=second)
    targets = [tf.stop_gradient(_balanced(view / epsilon, weight, iterations)) for view in rows]
    said = [tf.nn.log_softmax(view / temperature) for view in rows]
    cost = -tf.reduce_sum(targets[1] * said[0] + targets[0] * said[1], axis=-1) / 2
    return weighted_mean(cost, weight)


def _balanced(scores: Any, weight: Any, iterations: int) -> Any:
    """Assignments, (batch, C), whose rows add up to one and whose columns get equal weight."""
    log_weight = tf.math.log(tf.maximum(weight, 1e-30))[:, None]
    gone = weight[:, None] == 0
    lowest = tf.constant(LOWEST, scores.dtype)
    for _ in range(iterations):
        held = tf.where(gone, lowest, scores + log_weight)
        scores -= tf.reduce_logsumexp(held, axis=0, keepdims=True)
        scores -= tf.reduce_logsumexp(scores, axis=1, keepdims=True)
    return tf.exp(scores)


@tfloss.loss(
    per="batch",
    same_shape=("teacher_logits", "logits"),
    latex=r"-\mathrm{mean}_iq_i^\top\log p_i,\ q=\mathrm{softmax}\bigl((t-c)/\tau_t\bigr),"
    r"\ p=\mathrm{softmax}(z/\tau)",
    range=(0, None),
    family="self_supervised",
    domains={"teacher_logits": "logits", "logits": "logits"},
    state=lambda shapes, settings: {
        "centre": tfloss.LossVariable((shapes["logits"][-1],), "zeros", trainable=False)
    },
    example="dino(teacher_logits=log(teacher), logits=logits)",
)
def dino(
    teacher_logits: Any,
    logits: Any,
    sample_weight: Any = None,
    *,
    temperature: Annotated[float, Above(0)] = 0.1,
    teacher_temperature: Annotated[float, Above(0)] = 0.04,
    momentum: Annotated[float, Interval(0, 1, "left")] = 0.9,
    state: Any,
) -> Any:
    """DINO: cross-entropy with a teacher that is centred, so that no class gets all, and sharpened.

    teacher_logits, logits: (batch, C); the teacher sees another view and moves slowly after the
    student. This is the term of one view of the student and one of the teacher; the paper sums it
    over all pairs of different views, which a formula adds up: dino(…) + dino(…), each with a
    centre of its own.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar, in nats.

    temperature: τ, of the student, positive.
    teacher_temperature: τ_t, positive, below the student's.
    momentum: how much of the centre stays in a step, in [0, 1).

    Held: centre, (C,), the teacher's mean logits, moved while training.

    Source: Caron et al. 2021, "Emerging properties in self-supervised vision transformers", eq. 1
    to 4.
    """
    rows, weight = weighted_rows(sample_weight, teacher_logits=teacher_logits, logits=logits)
    centre = state["centre"]
    target = tf.nn.softmax((rows[0] - centre[None, :]) / teacher_temperature)
    cost = -tf.reduce_sum(target * tf.nn.log_softmax(rows[1] / temperature), axis=-1)
    total = tf.maximum(tf.reduce_sum(weight), 1e-12)
    mean = tf.reduce_sum(weight[:, None] * rows[0], axis=0) / total
    state.update("centre", tf.stop_gradient(momentum * centre + (1 - momentum) * mean))
    return weighted_mean(cost, weight)


@tfloss.loss(
    per="batch",
    latex=r"\bar p^\top\log\bar p+\log C,\ \bar p=\mathrm{mean}_ip_i",
    range=(0, None),
    family="self_supervised",
    example="ce + 0.1*mean_entropy_maximization",
)
def mean_entropy_maximization(logits: Any, sample_weight: Any = None) -> Any:
    """Mean entropy maximization: on average every class or prototype is used equally.

    logits: (batch, C), C at least 2.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar, in nats: log C less the entropy of the mean distribution; 0 where all are used
    alike.

    Source: Assran et al. 2022, "Masked Siamese networks for label-efficient learning", the
    regulariser.
    """
    (rows,), weight = weighted_rows(sample_weight, logits=logits)
    if rows.shape[-1] == 1:
        raise ValueError("'mean_entropy_maximization' needs a column per class; 'logits' has one.")
    total = tf.maximum(tf.reduce_sum(weight), 1e-12)
    log_p = tf.nn.log_softmax(rows)
    mean = tf.reduce_sum(weight[:, None] * tf.exp(log_p), axis=0) / total
    negative = tf.reduce_sum(mean * tf.math.log(tf.maximum(mean, 1e-30)))
    return zero_without_weight(negative + math.log(rows.shape[-1]), weight)
