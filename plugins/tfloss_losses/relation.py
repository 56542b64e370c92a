"""Distillation of relations: how examples, classes or places compare, instead of single answers.

Student and teacher need not have the same width: `rkd_distance(teacher_hidden, hidden1)`. The
losses about pairs of examples give one value per batch; an example of weight zero takes part in no
pair.
"""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import AtLeast
from tfloss.ops import (
    as_rows,
    floored_log,
    pair_weights,
    root,
    same_shape,
    several_columns,
    squared_distances,
    unit_length,
    weighted_mean,
    weighted_rows,
    zero_without_weight,
)
from tfloss_losses.triples import mean_over_triples


def _huber(error: Any) -> Any:
    """Squared within one, absolute beyond, as both relational losses use it."""
    size = tf.abs(error)
    inner = tf.minimum(size, 1)
    return inner * (size - inner / 2)


@tfloss.loss(
    per="batch",
    latex=r"\frac1{n^2}\Bigl\Vert\overline{FF^\top}-\overline{GG^\top}\Bigr\Vert_F^2",
    range=(0, None),
    zero_at_optimum=True,
    family="distillation",
    domains={"teacher": "numbers", "prediction": "numbers*any"},
    example="ce + similarity_preserving(teacher.hidden1, hidden2)",
)
def similarity_preserving(teacher: Any, prediction: Any, sample_weight: Any = None) -> Any:
    """Similarity-preserving distillation: examples alike to the teacher shall be so to the student.

    teacher, prediction: (batch, …), of any widths, usually inner tensors.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: the squared difference of the two matrices of inner products, their rows
    brought to length one, per pair of examples.

    Source: Tung and Mori 2019, "Similarity-preserving knowledge distillation", eq. 1 to 4.
    """
    both, weight = weighted_rows(sample_weight, teacher=teacher, prediction=prediction)
    target, ours = (unit_length(tf.matmul(rows, rows, transpose_b=True)) for rows in both)
    return weighted_mean(
        tf.math.squared_difference(ours, target), weight[:, None] * weight[None, :]
    )


@tfloss.loss(
    per="batch",
    latex=r"\mathrm{mean}_{i\ne j}\,h\Bigl(\tfrac{\Vert f_i-f_j\Vert}{\mu_f}"
    r"-\tfrac{\Vert g_i-g_j\Vert}{\mu_g}\Bigr)",
    range=(0, None),
    zero_at_optimum=True,
    kinks=("two examples coincide",),
    family="distillation",
    domains={"teacher": "numbers", "prediction": "numbers*any"},
    example="ce + rkd_distance(teacher.hidden1, hidden2)",
)
def rkd_distance(teacher: Any, prediction: Any, sample_weight: Any = None) -> Any:
    """Relational distillation of distances: far apart to the teacher, far apart to the student.

    teacher, prediction: (batch, …), of any widths. Memory grows with the square of the batch.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: the mean Huber loss over pairs of distances, each in units of its own mean.

    Conventions: a mean over pairs of different examples, n/(n - 1) times the authors' code, whose
    mean counts the zeros of each example with itself.

    Source: Park et al. 2019, "Relational knowledge distillation", the distance-wise loss.
    """
    both, weight = weighted_rows(sample_weight, teacher=teacher, prediction=prediction)
    pairs = pair_weights(weight)
    target, ours = (_distances(rows, pairs) for rows in both)
    return weighted_mean(_huber(ours - target), pairs)


def _distances(rows: Any, pairs: Any) -> Any:
    """Euclidean distances in units of their mean; 0 with a finite slope where rows coincide."""
    distance = root(squared_distances(rows, rows))
    return distance / tf.maximum(weighted_mean(distance, pairs), 1e-6)


@tfloss.loss(
    per="batch",
    latex=r"\mathrm{mean}_{i\ne j\ne k}\,h\bigl(\cos\angle f_if_jf_k-\cos\angle g_ig_jg_k\bigr)",
    range=(0, 1.5),
    zero_at_optimum=True,
    kinks=("two examples coincide",),
    family="distillation",
    domains={"teacher": "numbers", "prediction": "numbers*any"},
    example="ce + 2*rkd_angle(teacher.hidden1, hidden2)",
)
def rkd_angle(teacher: Any, prediction: Any, sample_weight: Any = None) -> Any:
    """Relational distillation of angles: three examples form the same angle for both.

    teacher, prediction: (batch, …), of any widths. Time grows with the cube of the batch, memory
    with its square: above 161 examples the triples are taken in blocks.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: the mean Huber loss over cosines of triples of different examples.

    Conventions: a mean over triples of different examples, n²/((n - 1)(n - 2)) times the authors'
    code, whose mean counts the zeros of the others.

    Source: Park et al. 2019, "Relational knowledge distillation", the angle-wise loss.
    """
    (target, ours), weight = weighted_rows(sample_weight, teacher=teacher, prediction=prediction)
    return mean_over_triples(_huber, target, ours, weight)


@tfloss.loss(
    per="batch",
    latex=r"\frac1n\sum_j\sum_{i\ne j}q_{i|j}\log\frac{q_{i|j}}{p_{i|j}},"
    r"\ p_{i|j}\propto\tfrac12(1+\cos(f_i,f_j))",
    range=(0, None),
    zero_at_optimum=True,
    family="distillation",
    domains={"teacher": "numbers", "prediction": "numbers*any"},
    example="ce + pkt(teacher.hidden1, hidden2)",
)
def pkt(teacher: Any, prediction: Any, sample_weight: Any = None) -> Any:
    """Probabilistic knowledge transfer: who is whose neighbour, as a distribution over the batch.

    teacher, prediction: (batch, …), of any widths. Neighbourhood is by cosine.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar, in nats: the mean divergence of neighbourhoods, the teacher's first.

    Conventions: no example is its own neighbour, and the value is a mean over examples; the
    authors' code keeps the diagonal and divides by n², which is about n times less.

    Source: Passalis and Tefas 2018, "Learning deep representations with probabilistic knowledge
    transfer".
    """
    both, weight = weighted_rows(sample_weight, teacher=teacher, prediction=prediction)
    pairs = pair_weights(weight)
    q, p = (_neighbours(rows, pairs) for rows in both)
    return weighted_mean(tf.reduce_sum(q * (floored_log(q) - floored_log(p)), axis=-1), weight)


def _neighbours(rows: Any, pairs: Any) -> Any:
    """Each example's distribution over the others, (batch, batch); a row adds up to one."""
    # Of rows that point away from each other 1 + cos is a difference of nearly equal numbers, whose
    # logarithm in float32 would depend on the order in which a processor adds.
    unit = unit_length(tf.cast(rows, tf.float64))
    kernel = tf.cast(pairs, tf.float64) * (1 + tf.matmul(unit, unit, transpose_b=True)) / 2
    shares = kernel / tf.maximum(tf.reduce_sum(kernel, axis=-1, keepdims=True), 1e-6)
    return tf.cast(shares, rows.dtype)


@tfloss.loss(
    same_shape=("teacher", "probs"),
    per="batch",
    latex=r"\frac\beta n\sum_i\bigl(1-\rho(q_{i\cdot},p_{i\cdot})\bigr)"
    r"+\frac\gamma C\sum_c\bigl(1-\rho(q_{\cdot c},p_{\cdot c})\bigr)",
    range=(0, None),
    zero_at_optimum=True,
    family="distillation",
    example="ce + dist(softmax(log(teacher)/4), softmax(logits/4))",
)
def dist(
    teacher: Any,
    probs: Any,
    sample_weight: Any = None,
    *,
    beta: Annotated[float, AtLeast(0)] = 1.0,
    gamma: Annotated[float, AtLeast(0)] = 1.0,
) -> Any:
    """Distillation by correlation, for a teacher much stronger than the student.

    The student needs to agree up to shift and scale only: within each example, over the classes,
    and within each class, over the batch.

    teacher, probs: (batch, C), C of 2 or more; soften both for a temperature:
    dist(softmax(log(teacher)/4), softmax(logits/4)).
    sample_weight: (batch,), or None for all ones.
    Returns a scalar.

    beta, gamma: weights of the correlations over classes and over the batch.

    Source: Huang et al. 2022, "Knowledge distillation from a stronger teacher".
    """
    several_columns("dist", "use kd", teacher=teacher, probs=probs)
    (q, p), weight = weighted_rows(sample_weight, teacher=teacher, probs=probs)
    between = _correlation(q, p, tf.ones_like(q), axis=1)
    within = _correlation(q, p, weight[:, None] * tf.ones_like(q), axis=0)
    found = beta * weighted_mean(1 - between, weight) + gamma * tf.reduce_mean(1 - within)
    return zero_without_weight(found, weight)


def _correlation(x: Any, y: Any, weight: Any, axis: int) -> Any:
    """Weighted Pearson correlation along an axis; 0 where one of the two is constant."""
    total = tf.maximum(tf.reduce_sum(weight, axis=axis, keepdims=True), 1e-12)
    unit = []
    for values in (x, y):
        centre = tf.reduce_sum(weight * values, axis=axis, keepdims=True) / total
        scaled = tf.sqrt(weight) * (values - centre)
        unit.append(unit_length(scaled, axis))
    return tf.reduce_sum(unit[0] * unit[1], axis=axis)


@tfloss.loss(
    latex=r"\Bigl\Vert\frac{Q}{\Vert Q\Vert}-\frac{P}{\Vert P\Vert}\Bigr\Vert^2,"
    r"\ Q=\sum_c|F_c|^r",
    range=(0, 2),
    zero_at_optimum=True,
    family="distillation",
    domains={"student_maps": "maps*any"},
    example="ce + attention_transfer(teacher.conv2, conv1)",
)
def attention_transfer(
    teacher_maps: Any, student_maps: Any, *, power: Annotated[float, AtLeast(1)] = 2.0
) -> Any:
    """Attention transfer: the student looks at the places of an image at which the teacher looks.

    teacher_maps, student_maps: (batch, …, channels), feature maps of the same places, with any
    numbers of channels.
    Returns (batch,), between 0 and 2.

    power: r, 1 or more: how much the strongest channels count.

    Conventions: the square of the paper's norm, summed over the places; the authors' code takes
    the mean over them, so that its weight β is that of this loss times the number of places.

    Source: Zagoruyko and Komodakis 2017, "Paying more attention to attention", eq. 2, squared.
    """
    if len(teacher_maps.shape) < 3 or len(student_maps.shape) < 3:
        raise ValueError("'attention_transfer' needs maps with places: (batch, …, channels).")
    places = [_attention(maps, power) for maps in (teacher_maps, student_maps)]
    same_shape(teacher_maps=places[0], student_maps=places[1])
    target, ours = (unit_length(as_rows(attention)) for attention in places)
    return tf.reduce_sum(tf.math.squared_difference(ours, target), axis=-1)


def _attention(maps: Any, power: float) -> Any:
    """How much the channels say at each place, in units of the strongest: no power overflows."""
    size = tf.abs(maps)
    axes = list(range(1, len(maps.shape)))
    strongest = tf.stop_gradient(tf.reduce_max(size, axis=axes, keepdims=True))
    # A map of zeros stays one; the unit has no gradient, as the length of the whole is divided out.
    unit = tf.where(strongest < 1e-6, tf.ones_like(strongest), strongest)
    return tf.reduce_sum((size / unit) ** power, axis=-1)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [similarity_preserving, rkd_distance, rkd_angle, pkt, dist, attention_transfer]
