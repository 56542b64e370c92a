"""Distributions over classes, from logits or from probabilities.

Classifiers come in two shapes. `(batch, C)` is one distribution over C classes; `(batch, 1)` is
two classes on one sigmoid unit, the column being the probability of the second. Losses that need
the whole distribution write the latter out as two columns, first class first.
"""

from __future__ import annotations

from typing import Any

from tfloss.lazy import tf
from tfloss.ops.checks import columns

# About the distance from one to its neighbours in float32, so that q and 1 - q are floored alike;
# the value of log q stays above -16.2 and its derivative below 1e7.
FLOOR = 1e-7


def log_probs(logits: Any) -> Any:
    """Logarithms of the probabilities, with a column per class, safe for logits of any size.

    logits: (batch, 1), through the sigmoid, or (batch, C), through the softmax.
    Returns (batch, 2) or (batch, C).
    """
    if columns(logits) == 1:
        return tf.math.log_sigmoid(tf.concat([-logits, logits], axis=-1))
    return tf.nn.log_softmax(logits)


def as_distribution(probs: Any) -> Any:
    """Probabilities with a column per class.

    probs: (batch, 1), the second class's probability, or (batch, C).
    Returns (batch, 2) or (batch, C).
    """
    return tf.concat([1 - probs, probs], axis=-1) if columns(probs) == 1 else probs


def floored_log(probs: Any) -> Any:
    """log(max(probs, 1e-7)): finite, with a finite derivative, also for a probability of zero.

    What is below 1e-7 counts as 1e-7: a choice for teachers that answer with exact zeros. Where
    a network's logits are to be had, take those.
    """
    return tf.math.log(tf.maximum(probs, FLOOR))


def log_odds(probs: Any) -> Any:
    """Logits whose softmax (of one column: sigmoid) are the probabilities, floored at 1e-7.

    probs: (batch, 1), the second class's probability, or (batch, C).  Returns the same shape.
    """
    if columns(probs) == 1:
        return floored_log(probs) - floored_log(1 - probs)
    return floored_log(probs)
