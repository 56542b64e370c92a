"""Distances between the probabilities themselves, without logarithms."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import AtLeast
from tfloss.ops import FLOOR, as_distribution, log_probs, nan_of


def _both(teacher: Any, logits: Any) -> tuple[Any, Any]:
    """The student's and the teacher's distribution, a column per class."""
    return tf.exp(log_probs(logits)), as_distribution(teacher)


@tfloss.loss(
    same_shape=("teacher", "logits"),
    latex=r"\tfrac12\sum_c|p_c-q_c|",
    range=(0, 1),
    zero_at_optimum=True,
    symmetric=True,
    kinks=("p == teacher",),
    family="divergence",
)
def total_variation(teacher: Any, logits: Any) -> Any:
    """Total variation: the probability that has to move to turn the student into the teacher.

    That of images is image_total_variation.

    teacher: (batch, 1), a Bernoulli distribution, or (batch, C), probabilities q.
    logits: same shape, of the student p.
    Returns (batch,), between 0 and 1.

    Source: Tsybakov 2009, "Nonparametric estimation", section 2.4.
    """
    p, q = _both(teacher, logits)
    return tf.reduce_sum(tf.abs(p - q), axis=-1) / 2


@tfloss.loss(
    same_shape=("teacher", "logits"),
    latex=r"\sum_c\frac{(p_c-q_c)^2}{q_c}",
    range=(0, None),
    zero_at_optimum=True,
    family="divergence",
)
def chi_square(teacher: Any, logits: Any) -> Any:
    """Pearson's chi-square: very strict where the student allows what the teacher rules out.

    teacher: (batch, 1), a Bernoulli distribution, or (batch, C), probabilities q; a divisor below
    1e-7 counts as 1e-7.
    logits: same shape, of the student p.
    Returns (batch,).

    Source: Pearson 1900; Tsybakov 2009, "Nonparametric estimation", section 2.4.
    """
    p, q = _both(teacher, logits)
    return tf.reduce_sum(tf.math.squared_difference(p, q) / tf.maximum(q, FLOOR), axis=-1)


@tfloss.loss(
    same_shape=("teacher", "logits"),
    latex=r"\sum_{c<C}|P_c-Q_c|^r,\ P_c=\sum_{k\le c}p_k",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    kinks=("power == 1 and the cumulative probabilities of one class are equal",),
    family="divergence",
    example="ce + wasserstein(power=2)",
)
def wasserstein(teacher: Any, logits: Any, *, power: Annotated[float, AtLeast(1)] = 1.0) -> Any:
    """Earth mover's distance between ordered classes: a near miss costs less than a far one.

    teacher: (batch, 1), a Bernoulli distribution, or (batch, C), probabilities q, the classes in
    their order, one apart from the next.
    logits: same shape, of the student p.
    Returns (batch,), in classes for power 1.

    power: r, 1 or more: 1 is the Wasserstein-1 distance, 2 the smooth squared form.

    Source: Vallender 1974; as a loss: Hou, Yu and Samaras 2016, "Squared earth mover's
    distance-based loss for training deep neural networks".
    """
    p, q = _both(teacher, logits)
    # Both sums end in one, so the last column is left out; a NaN in it must come out all the same.
    gap = tf.abs(tf.cumsum(p - q, axis=-1)[..., :-1])
    return tf.reduce_sum(gap if power == 1 else gap**power, axis=-1) + nan_of(teacher)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [total_variation, chi_square, wasserstein]
