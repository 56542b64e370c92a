"""Distillation of inner layers: the student's layers learn what the teacher's say.

A teacher's layer is a column of the data or a layer of a Keras teacher:
`hint(teacher_layer=teacher.hidden1, layer=hidden2)`. Widths may differ; a projection from one to
the other is then held by the loss, trained and saved with it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast
from tfloss.ops import (
    mean_per_example,
    pair_weights,
    same_shape,
    squared_distances,
    unit_length,
    weighted_mean,
    weighted_rows,
)


def _projection(shapes: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """From the student's last axis to the teacher's; on maps this is a convolution of size one."""
    del settings
    wide, narrow = shapes["teacher_layer"][-1], shapes["layer"][-1]
    return {"projection": tfloss.LossVariable((narrow, wide), "glorot_uniform")}


def _projected(teacher_layer: Any, layer: Any, projection: Any) -> Any:
    """The student's layer in the teacher's width."""
    ours = tf.tensordot(layer, projection, axes=1)
    same_shape(teacher_layer=teacher_layer, layer=ours)
    return ours


@tfloss.loss(
    latex=r"\frac1{2k}\Vert t-sW\Vert^2",
    range=(0, None),
    family="distillation",
    domains={"layer": "numbers*any"},
    state=_projection,
    example="ce + 0.5*hint(teacher.hidden1, hidden2)",
)
def hint(teacher_layer: Any, layer: Any, *, state: Any) -> Any:
    """FitNets' hint: the student's layer, taken through a matrix that is learned, is the teacher's.

    teacher_layer: (batch, …, k).  layer: (batch, …, m), with any last axis.
    Returns (batch,): half the mean square over all axes but the first.

    Held: projection, (m, k), trained with the student.

    Source: Romero et al. 2015, "FitNets: hints for thin deep nets", eq. 3, with a linear regressor.
    """
    ours = _projected(teacher_layer, layer, state["projection"])
    return mean_per_example(tf.math.squared_difference(teacher_layer, ours)) / 2


def _projection_and_spread(
    shapes: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, Any]:
    wide = shapes["teacher_layer"][-1]
    return {**_projection(shapes, settings), "spread": tfloss.LossVariable((wide,), "zeros")}


@tfloss.loss(
    latex=r"\frac1k\sum_c\log\sigma_c+\frac{(t_c-(sW)_c)^2}{2\sigma_c^2},"
    r"\ \sigma_c^2=\log(1+e^{a_c})+\epsilon",
    zero_at_optimum=False,
    family="distillation",
    domains={"layer": "numbers*any"},
    state=_projection_and_spread,
    example="ce + vid(teacher.hidden1, hidden2)",
)
def vid(
    teacher_layer: Any, layer: Any, *, smallest: Annotated[float, Above(0)] = 1e-4, state: Any
) -> Any:
    """Variational information distillation: a hint that gives up on channels it cannot tell.

    teacher_layer: (batch, …, k).  layer: (batch, …, m), with any last axis.
    Returns (batch,): the negative log-likelihood of the teacher's layer without its constant, the
    mean over all axes but the first.

    smallest: epsilon, the variance below which none is taken; positive.

    Held: projection, (m, k), and spread, (k,), whose softplus is the variance of each channel; both
    trained with the student.

    Conventions: a spread that starts at 0, a variance of 0.69; the authors' code starts at a
    variance of 5.

    Source: Ahn et al. 2019, "Variational information distillation for knowledge transfer", eq. 4
    to 6, with a linear mean.
    """
    ours = _projected(teacher_layer, layer, state["projection"])
    variance = tf.nn.softplus(state["spread"]) + smallest
    square = tf.math.squared_difference(teacher_layer, ours)
    return mean_per_example(tf.math.log(variance) + square / variance) / 2


def _two_projections(shapes: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: tfloss.LossVariable(
            (math.prod(shapes[name][1:]), int(settings["width"])), "glorot_uniform"
        )
        for name in ("teacher_layer", "layer")
    }


@tfloss.loss(
    per="batch",
    latex=r"\mathrm{mean}_i-\log h_{ii}-\sum_{j\ne i}\log(1-h_{ij}),"
    r"\ h_{ij}=\sigma\bigl(\cos(s_iA,t_jB)/\tau-\log r\bigr)",
    range=(0, None),
    family="distillation",
    domains={"layer": "numbers*any"},
    state=_two_projections,
    example="ce + 0.1*crd(teacher.hidden1, hidden2)",
)
def crd(
    teacher_layer: Any,
    layer: Any,
    sample_weight: Any = None,
    *,
    width: Annotated[int, AtLeast(1)] = 128,
    temperature: Annotated[float, Above(0)] = 0.1,
    ratio: Annotated[float, Above(0)] = 0.3,
    state: Any,
) -> Any:
    """Contrastive representation distillation: tell the teacher's view of an example from others'.

    teacher_layer, layer: (batch, …), of any widths. The other examples of the batch are what the
    paper draws from a memory of all training examples.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar, in nats: the mean over examples of one right and n - 1 wrong pairings.

    width: of the common space, 1 or more.
    temperature: tau, positive: what cosines are divided by.
    ratio: r, positive: wrong pairings for each training example, N/M in the paper.

    Held: teacher_layer and layer, the projections of each into the common space, trained with the
    student.

    Conventions: one direction within the batch, the student looking for the teacher; the authors'
    code adds the other, draws the wrong pairings from a memory of all training examples, and has
    a bias in its projections.

    Source: Tian, Krishnan and Isola 2020, "Contrastive representation distillation", eq. 17 to 19.
    """
    (theirs, ours), weight = weighted_rows(sample_weight, teacher_layer=teacher_layer, layer=layer)
    target = unit_length(tf.matmul(theirs, state["teacher_layer"]))
    student = unit_length(tf.matmul(ours, state["layer"]))
    scores = tf.matmul(student, target, transpose_b=True) / temperature - math.log(ratio)
    others = pair_weights(tf.cast(weight != 0, scores.dtype))
    wrong = tf.reduce_sum(others * tf.nn.softplus(scores), axis=-1)
    return weighted_mean(tf.nn.softplus(-tf.linalg.diag_part(scores)) + wrong, weight)


@tfloss.loss(
    latex=r"\frac1{kl}\Bigl\Vert\tfrac1p\sum_uA_u^\top B_u"
    r"-\tfrac1p\sum_uF_u^\top G_u\Bigr\Vert_F^2",
    range=(0, None),
    zero_at_optimum=True,
    family="distillation",
    domains={"teacher_end_maps": "maps*any", "end_maps": "maps*any"},
    example="ce + fsp(teacher.conv1, teacher.conv2, conv1, conv2)",
)
def fsp(teacher_start_maps: Any, teacher_end_maps: Any, start_maps: Any, end_maps: Any) -> Any:
    """Flow of the solution procedure: how a layer's channels answer to an earlier layer's.

    teacher_start_maps, start_maps: (batch, …, k), an early layer.
    teacher_end_maps, end_maps: (batch, …, l), a later one, at the same places as its early one.
    Returns (batch,): the mean squared difference of the matrices of channel products, averaged over
    the places.

    Source: Yim et al. 2017, "A gift from knowledge distillation", eq. 1 and 2.
    """
    theirs = _flow(teacher_start=teacher_start_maps, teacher_end=teacher_end_maps)
    ours = _flow(start=start_maps, end=end_maps)
    same_shape(teacher=theirs, student=ours)
    return mean_per_example(tf.math.squared_difference(ours, theirs))


def _flow(**maps: Any) -> Any:
    """Products of two layers' channels, averaged over the places, (batch, k, l)."""
    same_shape(**{name: tensor[..., 0] for name, tensor in maps.items()})
    start, end = (_places(tensor) for tensor in maps.values())
    count = tf.cast(tf.shape(start)[1], start.dtype)
    return tf.matmul(start, end, transpose_a=True) / count


def _places(maps: Any) -> Any:
    """(batch, …, channels) as (batch, places, channels)."""
    size = maps.shape[1:-1].num_elements()
    return tf.reshape(maps, [-1, size, maps.shape[-1]])


@tfloss.loss(
    per="batch",
    latex=r"\frac1{n^2}\sum_{i,j}\bigl(e^{-\gamma\Vert f_i-f_j\Vert^2}"
    r"-e^{-\gamma\Vert g_i-g_j\Vert^2}\bigr)^2",
    range=(0, 1),
    zero_at_optimum=True,
    family="distillation",
    domains={"teacher": "numbers", "prediction": "numbers*any"},
    example="ce + correlation_congruence(teacher.hidden1, hidden2)",
)
def correlation_congruence(
    teacher: Any,
    prediction: Any,
    sample_weight: Any = None,
    *,
    gamma: Annotated[float, Above(0)] = 0.4,
) -> Any:
    """Correlation congruence: examples alike to the teacher are so to the student, by a kernel.

    teacher, prediction: (batch, …), of any widths; rows are brought to length one first.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: the mean squared difference over pairs of examples.

    gamma: how fast likeness falls with the squared distance, positive.

    Source: Peng et al. 2019, "Correlation congruence for knowledge distillation"; the
    Gaussian kernel as it is instead of its Taylor series.
    """
    both, weight = weighted_rows(sample_weight, teacher=teacher, prediction=prediction)
    units = [unit_length(rows) for rows in both]
    target, ours = (tf.exp(-gamma * squared_distances(unit, unit)) for unit in units)
    pairs = weight[:, None] * weight[None, :]
    return weighted_mean(tf.math.squared_difference(ours, target), pairs)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [hint, vid, crd, fsp, correlation_congruence]
