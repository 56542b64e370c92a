"""Scores of an ensemble of forecasts."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import AtLeast
from tfloss.ops import mean_per_example
from tfloss_losses.forecasting.common import split


@tfloss.loss(
    latex=r"\frac1m\sum_i|x_i-y|-\frac1{2m^2}\sum_{i,j}|x_i-x_j|",
    range=(None, None),
    kinks=("two members, or a member and the target, are equal",),
    domains={"prediction": "numbers*4"},
    family="forecasting",
    exempt={"settings over their range": "other members take a prediction of other width"},
    example="crps_ensemble(labels=hidden1, prediction=flatten(conv1), members=8)",
)
def crps_ensemble(
    labels: Any, prediction: Any, *, members: Annotated[int, AtLeast(2)] = 4, fair: bool = False
) -> Any:
    """Continuous ranked probability score of an ensemble: near the target, and apart.

    labels: (batch, k).  prediction: (batch, k·members), for each target its members' answers.
    Returns (batch,): the mean over the k targets, in the target's unit.

    members: m, how many, 2 or more.
    fair: divide the second sum by m(m - 1) instead of m², which does not favour a small spread.

    Source: Gneiting and Raftery 2007, "Strictly proper scoring rules, prediction, and estimation",
    section 4.2; fair: Ferro 2014, "Fair scores for ensemble forecasts".
    """
    answers = split(labels, prediction, members)
    near = tf.reduce_mean(tf.abs(answers - labels[..., None]), axis=-1)
    apart = tf.abs(answers[..., :, None] - answers[..., None, :])
    pairs = members * (members - 1 if fair else members)
    return mean_per_example(near - tf.reduce_sum(apart, axis=[-2, -1]) / (2 * pairs))


@tfloss.loss(
    latex=r"\frac1m\sum_i\Vert x_i-y\Vert-\frac1{2m^2}\sum_{i,j}\Vert x_i-x_j\Vert",
    domains={"prediction": "numbers*4"},
    kinks=("two members, or a member and the target, are equal",),
    family="forecasting",
    exempt={"settings over their range": "other members take a prediction of other width"},
    example="energy_score(labels=hidden1, prediction=flatten(conv1), members=8)",
)
def energy_score(labels: Any, prediction: Any, *, members: Annotated[int, AtLeast(2)] = 4) -> Any:
    """Energy score: the ensemble's score for several targets that belong together.

    labels: (batch, k).  prediction: (batch, k·members), for each target its members' answers.
    Returns (batch,): in the targets' unit, by Euclidean distance over all k.

    members: m, how many, 2 or more.

    Source: Gneiting and Raftery 2007, "Strictly proper scoring rules, prediction, and estimation",
    section 4.3.
    """
    answers = split(labels, prediction, members)
    near = tf.reduce_mean(_length(answers - labels[..., None]), axis=-1)
    apart = _length(answers[..., :, None] - answers[..., None, :])
    return near - tf.reduce_sum(apart, axis=[-2, -1]) / (2 * members**2)


def _length(vectors: Any) -> Any:
    """Euclidean length over axis 1; below 1e-6 it is 0, with slope 0."""
    square = tf.reduce_sum(tf.square(vectors), axis=1)
    found = tf.sqrt(tf.maximum(square, 1e-12))
    return tf.where(square <= 1e-12, tf.zeros_like(found), found)
