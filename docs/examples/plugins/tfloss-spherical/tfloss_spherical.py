"""The spherical score for tfloss: an example of a loss in its own distribution."""

from __future__ import annotations

from typing import Any

import numpy as np
import tfloss
from tfloss import tf


def reference(labels: Any, logits: Any) -> Any:
    """The same in plain numpy, by the definition."""
    if logits.shape[-1] == 1:
        second = 1 / (1 + np.exp(-logits))
        labels = np.concatenate([1 - labels, labels], axis=-1)
        probs = np.concatenate([1 - second, second], axis=-1)
    else:
        shares = np.exp(logits)
        probs = shares / shares.sum(axis=-1, keepdims=True)
    return 1 - (labels * probs).sum(axis=-1) / np.linalg.norm(probs, axis=-1)


@tfloss.loss(
    latex=r"1-\frac{\sum_c y_cp_c}{\Vert p\Vert_2}",
    range=(0, 1),
    zero_at_optimum=True,
    reference=reference,
)
def spherical(labels: Any, logits: Any) -> Any:
    """Spherical score: a proper score that is bounded, and depends on the other classes too.

    labels: (batch, 1), or one-hot (batch, C).  logits: same shape; one column is taken through the
    sigmoid, more through the softmax.
    Returns (batch,), between 0 and 1.

    Source: Gneiting and Raftery 2007, "Strictly proper scoring rules", example 2.
    """
    if not tf.TensorShape(labels.shape).is_compatible_with(logits.shape):
        raise ValueError(f"'labels' has shape {labels.shape} but 'logits' has {logits.shape}.")
    if logits.shape[-1] == 1:
        labels = tf.concat([1 - labels, labels], axis=-1)
        logits = tf.concat([tf.zeros_like(logits), logits], axis=-1)
    probs = tf.nn.softmax(logits)
    # The norm of a distribution over C classes is at least 1/sqrt(C): nothing to guard.
    return 1 - tf.reduce_sum(labels * probs, axis=-1) / tf.norm(probs, axis=-1)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """What this plugin registers."""
    return [spherical]
