"""Open set: examples of no known class are in the training set, so that later ones are noticed.

`known` is a column from outside, (batch,), 1 for an example of a known class and 0 for another,
whose label is not looked at: `entropic_open_set(known=is_known)`.
"""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import AtLeast
from tfloss.ops import as_rows, root, same_shape, several_columns

_KNOWN = {"known": "groups"}


@tfloss.loss(
    same_shape=("labels", "logits"),
    latex=r"-k\log p_y-(1-k)\tfrac1C\sum_c\log p_c",
    range=(0, None),
    family="classification",
    domains=_KNOWN,
    example="entropic_open_set(known=sex)",
)
def entropic_open_set(labels: Any, logits: Any, known: Any) -> Any:
    """Entropic open-set loss: cross-entropy, and for what is of no class an even answer.

    labels: one-hot (batch, C), C of 2 or more.  logits: same shape.
    known: (batch,), 1 or 0.
    Returns (batch,), in nats.

    Source: Dhamija, Günther and Boult 2018, "Reducing network agnostophobia", eq. 1.
    """
    several_columns("entropic_open_set", "give two columns", labels=labels, logits=logits)
    known = tf.cast(known, logits.dtype)
    same_shape(known=known, labels=labels[:, 0])
    log_p = tf.nn.log_softmax(logits)
    right = tf.reduce_sum(labels * log_p, axis=-1)
    return -known * right - (1 - known) * tf.reduce_mean(log_p, axis=-1)


@tfloss.loss(
    latex=r"k\max(0,\xi-\Vert f\Vert)^2+(1-k)\Vert f\Vert^2",
    range=(0, None),
    family="classification",
    domains={**_KNOWN, "embedding": "numbers*any"},
    example="entropic_open_set(known=sex) + 1e-4*objectosphere(embedding=hidden2, known=sex)",
)
def objectosphere(
    embedding: Any, known: Any, *, radius: Annotated[float, AtLeast(0)] = 50.0
) -> Any:
    """Objectosphere: known examples get long feature vectors, unknown ones none.

    embedding: (batch, …), the layer before the logits.
    known: (batch,), 1 or 0.
    Returns (batch,); the paper adds it to the entropic open-set loss with a small factor.

    radius: ξ, the length that a known example's features shall have at least, 0 or more.

    Source: Dhamija, Günther and Boult 2018, "Reducing network agnostophobia", eq. 2.
    """
    square = tf.reduce_sum(tf.square(as_rows(embedding)), axis=-1)
    known = tf.cast(known, square.dtype)
    same_shape(known=known, embedding=square)
    short = tf.square(tf.nn.relu(radius - root(square)))
    return known * short + (1 - known) * square


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [entropic_open_set, objectosphere]
