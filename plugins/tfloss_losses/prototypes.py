"""Representations by class: each class has a place of its own, to which its examples are drawn.

The places are held by the loss: made, trained or moved, saved and restored with the objective.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, Interval
from tfloss.ops import FLOOR, as_distribution, as_rows, same_shape, unit_length, weighted_rows


def _places(initializer: str, trainable: bool) -> Any:
    """State with a row for each class, of the embedding's width."""

    def held(shapes: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
        del settings
        classes, width = max(shapes["labels"][-1], 2), math.prod(shapes["embedding"][1:])
        return {"places": tfloss.LossVariable((classes, width), initializer, trainable=trainable)}

    return held


@tfloss.loss(
    latex=r"-\log\frac{e^{s\cos(\theta_y+m)}}"
    r"{e^{s\cos(\theta_y+m)}+\sum_{c\ne y}e^{s\cos\theta_c}}",
    range=(0, None),
    kinks=("theta_y + margin == pi",),
    family="representation",
    domains={"embedding": "numbers*any"},
    state=_places("glorot_uniform", True),
    example="arcface(embedding=hidden2)",
)
def arcface(
    labels: Any,
    embedding: Any,
    *,
    margin: Annotated[float, Interval(0, math.pi / 2, "left")] = 0.5,
    scale: Annotated[float, Above(0)] = 64.0,
    state: Any,
) -> Any:
    """ArcFace: the angle to the class's own direction must be smaller by a margin than to others.

    labels: (batch, 1), or one-hot (batch, C).  embedding: (batch, …), of any width k.
    Returns (batch,), in nats.

    margin: m, an angle in radians, in [0, π/2).
    scale: s, what cosines are multiplied by; positive.

    Held: places, (C, k), the classes' directions, trained with the student.

    Source: Deng et al. 2019, "ArcFace", eq. 3; where the angle and the margin exceed π the cosine
    goes on falling as cos θ - m·sin m, as in the authors' code.
    """
    members, cosines = _cosines(labels, embedding, state["places"])
    return with_angular_margin(members, cosines, margin, scale)


@tfloss.loss(
    latex=r"-\log\frac{e^{s(\cos\theta_y-m)}}"
    r"{e^{s(\cos\theta_y-m)}+\sum_{c\ne y}e^{s\cos\theta_c}}",
    range=(0, None),
    family="representation",
    domains={"embedding": "numbers*any"},
    state=_places("glorot_uniform", True),
    example="cosface(embedding=hidden2)",
)
def cosface(
    labels: Any,
    embedding: Any,
    *,
    margin: Annotated[float, Interval(0, 1, "left")] = 0.35,
    scale: Annotated[float, Above(0)] = 64.0,
    state: Any,
) -> Any:
    """CosFace: the cosine to the class's own direction must lead every other by a margin.

    labels: (batch, 1), or one-hot (batch, C).  embedding: (batch, …), of any width k.
    Returns (batch,), in nats.

    margin: m, of cosines, in [0, 1).
    scale: s, what cosines are multiplied by; positive.

    Held: places, (C, k), the classes' directions, trained with the student.

    Source: Wang et al. 2018, "CosFace: large margin cosine loss", eq. 4.
    """
    members, cosines = _cosines(labels, embedding, state["places"])
    return _chosen(members, cosines - margin, cosines, scale)


def _cosines(labels: Any, embedding: Any, places: Any) -> tuple[Any, Any]:
    """Who is of which class and the cosine to each class's direction, both (batch, C)."""
    rows = as_rows(embedding)
    same_shape(labels=labels[:, 0], embedding=rows[:, 0])
    members = as_distribution(labels)
    cosines = tf.matmul(unit_length(rows), unit_length(places), transpose_b=True)
    same_shape(labels=members, places=cosines)
    return members, cosines


def with_angular_margin(members: Any, cosines: Any, margin: float, scale: float) -> Any:
    """Cross-entropy of cosines, (batch, C), the own class's at an angle wider by the margin."""
    sine = tf.sqrt(tf.maximum(1 - tf.square(cosines), FLOOR))
    turned = cosines * math.cos(margin) - sine * math.sin(margin)
    beyond = cosines < -math.cos(margin)
    turned = tf.where(beyond, cosines - margin * math.sin(margin), turned)
    return _chosen(members, turned, cosines, scale)


def _chosen(members: Any, own: Any, others: Any, scale: float) -> Any:
    """Cross-entropy of the scaled cosines, the class's own being made harder."""
    log_p = tf.nn.log_softmax(scale * (members * own + (1 - members) * others))
    return -tf.reduce_sum(members * log_p, axis=-1)


@tfloss.loss(
    latex=r"\tfrac12\Vert x-c_y\Vert^2",
    range=(0, None),
    family="representation",
    domains={"embedding": "numbers*any"},
    exempt={"NaN is not swallowed": "sample_weight moves centres only; training weighs the value"},
    state=_places("zeros", False),
    example="ce + 0.01*centre(embedding=hidden2)",
)
def centre(
    labels: Any,
    embedding: Any,
    sample_weight: Any = None,
    *,
    rate: Annotated[float, Interval(0, 1)] = 0.5,
    state: Any,
) -> Any:
    """Centre loss: draws examples to the centre of their class, which follows them.

    labels: (batch, 1), or one-hot (batch, C).  embedding: (batch, …), of any width k.
    sample_weight: (batch,), or None for all ones; only says how much an example moves its centre.
    Returns (batch,).

    rate: how far a centre moves towards its examples in a step, in [0, 1].

    Held: places, (C, k), the centres; moved while training, not by the optimizer.

    Source: Wen et al. 2016, "A discriminative feature learning approach for deep face
    recognition", eq. 2 and 4.
    """
    rows, places = as_rows(embedding), state["places"]
    same_shape(labels=labels[:, 0], embedding=rows[:, 0])
    members = as_distribution(labels)
    state.update("places", places + rate * _steps(members, rows, places, sample_weight))
    away = rows - tf.matmul(members, places)
    return tf.reduce_sum(tf.square(away), axis=-1) / 2


def _steps(members: Any, rows: Any, places: Any, sample_weight: Any) -> Any:
    """How far the examples of each class stand from its centre, damped where they are few."""
    (members, rows), weight = weighted_rows(sample_weight, labels=members, embedding=rows)
    members = weight[:, None] * members
    count = tf.reduce_sum(members, axis=0)[:, None]
    return (tf.matmul(members, rows, transpose_a=True) - count * places) / (1 + count)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [arcface, cosface, centre]
