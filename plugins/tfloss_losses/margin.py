"""Classification by a margin between scores instead of by probabilities."""

from __future__ import annotations

from typing import Any

import tfloss
from tfloss import tf
from tfloss.ops import mean_per_example, several_columns


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "logits"),
    latex=r"\max(0,1-tz),\ t=2y-1",
    range=(0, None),
    zero_at_optimum=True,
    kinks=("logits * (2 * labels - 1) == 1",),
    family="classification",
)
def hinge(labels: Any, logits: Any) -> Any:
    """Hinge loss of support vector machines, for two classes or independent yes/no columns.

    labels: (batch, 1) or (batch, C), 0 or 1 (or -1 and 1).  logits: same shape, the scores.
    Returns (batch,): the mean over the columns; NaN where a label is beyond 1, as of classes coded
    1 and 2.

    Source: Cortes and Vapnik 1995; Hastie, Tibshirani and Friedman 2009, "The elements of
    statistical learning", eq. 12.25; as in Keras.
    """
    return mean_per_example(_shortfall(labels, logits))


@tfloss.loss(
    elementwise=True,
    same_shape=("labels", "logits"),
    latex=r"\max(0,1-tz)^2,\ t=2y-1",
    range=(0, None),
    zero_at_optimum=True,
    family="classification",
)
def squared_hinge(labels: Any, logits: Any) -> Any:
    """Squared hinge loss: a hinge with a smooth corner, hard on large mistakes.

    labels: (batch, 1) or (batch, C), 0 or 1 (or -1 and 1).  logits: same shape, the scores.
    Returns (batch,): the mean over the columns; NaN where a label is beyond 1, as of classes coded
    1 and 2.

    Source: Chang, Hsieh and Lin 2008, eq. 2; as in Keras.
    """
    return mean_per_example(tf.square(_shortfall(labels, logits)))


def _shortfall(labels: Any, logits: Any) -> Any:
    """How much each score lacks of a margin of one on its label's side.

    A label beyond 1 makes NaN, in a program as in a direct call; training stops there, names the
    rows and changes no weight.
    """
    beyond = tf.abs(labels) > 1.01  # rounding is no code
    side = tf.where(labels < -0.5, labels, 2 * labels - 1)
    side = tf.where(beyond, tf.constant(float("nan"), side.dtype), side)
    return tf.nn.relu(1 - side * logits)


@tfloss.loss(
    same_shape=("labels", "logits"),
    latex=r"\max\bigl(0,1+\max_{c\ne y}z_c-z_y\bigr)",
    range=(0, None),
    zero_at_optimum=True,
    kinks=("the label's score leads by 1", "two other classes share the largest score"),
    family="classification",
)
def categorical_hinge(labels: Any, logits: Any) -> Any:
    """Multi-class hinge loss: the label's score shall lead every other by one.

    Unlike Keras' loss of that name, the best rival is sought among the other classes only.

    labels: (batch, C), one-hot.  logits: same shape, the scores.
    Returns (batch,).

    Source: Crammer and Singer 2001, "On the algorithmic implementation of multiclass
    kernel-based vector machines".
    """
    several_columns("categorical_hinge", "use hinge", logits=logits)
    own = tf.reduce_sum(labels * logits, axis=-1)
    lowest = tf.fill(tf.shape(logits), logits.dtype.min)
    rival = tf.reduce_max(tf.where(labels > 0.5, lowest, logits), axis=-1)
    return tf.nn.relu(1 + rival - own)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [hinge, squared_hinge, categorical_hinge]
