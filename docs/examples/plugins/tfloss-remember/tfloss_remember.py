"""Losses that remember, for tfloss: an example of a plugin with state.

`state=` says which variables a loss holds, from the shapes of the tensors that it is bound to.
tfloss makes them with the run's seed, one set for each use in a formula, trains those that are trainable
together with the student, and saves them in the run's folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tfloss
from tfloss import tf


def _projection(shapes: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    del settings
    shape = (shapes["student_layer"][-1], shapes["teacher_layer"][-1])
    return {"projection": tfloss.LossVariable(shape, "glorot_uniform")}


@tfloss.loss(
    latex=r"\frac1{2k}\Vert t-sW\Vert^2",
    range=(0, None),
    domains={"student_layer": "numbers*any"},
    state=_projection,
)
def translated(teacher_layer: Any, student_layer: Any, *, state: Mapping[str, Any]) -> Any:
    """FitNets' hint: the student's layer, translated by a matrix that is learned, is the teacher's.

    teacher_layer: (batch, k).  student_layer: (batch, m), of any width.
    Returns (batch,): half the mean square over the k columns.

    Held: projection, (m, k), trained with the student.

    Source: Romero et al. 2015, "FitNets", eq. 3, with a linear regressor.
    """
    _same_rows(teacher_layer, student_layer)
    translation = tf.matmul(student_layer, state["projection"])
    return tf.reduce_mean(tf.square(teacher_layer - translation), axis=-1) / 2


def _centres(shapes: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    del settings
    classes = max(shapes["labels"][-1], 2)
    return {
        "centres": tfloss.LossVariable((classes, shapes["layer"][-1]), "zeros", trainable=False)
    }


@tfloss.loss(
    latex=r"\tfrac12\Vert x-c_y\Vert^2",
    range=(0, None),
    domains={"layer": "numbers*any"},
    state=_centres,
)
def centred(labels: Any, layer: Any, *, rate: float = 0.5, state: Any) -> Any:
    """Centre loss: pulls a layer's values to the centre of their class, which follows them.

    labels: (batch, 1), or one-hot (batch, C).  layer: (batch, k), of any width.
    Returns (batch,).

    rate: how far a centre moves towards its class in a step, in [0, 1].

    Held: centres, (C, k), two rows for one column of labels; moved while training only.

    Source: Wen et al. 2016, "A discriminative feature learning approach", eq. 2 and 4.
    """
    _same_rows(labels, layer)
    if not 0 <= rate <= 1:
        raise ValueError(f"The setting 'rate' is {rate} but must lie in [0, 1].")
    members = tf.concat([1 - labels, labels], axis=-1) if labels.shape[-1] == 1 else labels
    centres = state["centres"]
    away = layer - tf.matmul(members, centres)
    towards = tf.matmul(members, away, transpose_a=True)
    count = tf.reduce_sum(members, axis=0)[:, None]
    state.update("centres", centres + rate * towards / (1 + count))
    return tf.reduce_sum(tf.square(away), axis=-1) / 2


def _same_rows(one: Any, other: Any) -> None:
    if not one.shape[:1].is_compatible_with(other.shape[:1]) or len(one.shape) != len(other.shape):
        raise ValueError(f"Shapes {one.shape} and {other.shape}: give both one row per example.")


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """What this plugin registers."""
    return [translated, centred]
