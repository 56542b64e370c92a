"""How large the gradient of each term of a formula is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from tfloss.lazy import keras, tf
from tfloss.training.program.batch import Batch, as_tensors
from tfloss.training.program.forward import StudentLoss
from tfloss.training.result import Result
from tfloss.training.teachers import columns_of

_BATCHES = 4  # whose norms are averaged


class TermGradients:
    """The Euclidean norm of each weighted term's gradient by the trainable weights.

    The norms of several terms do not add up to that of their total: gradients can oppose each
    other.

    Args:
        forward: the student and the objective. Its own weights are neither read nor changed.
    """

    def __init__(self, forward: StudentLoss) -> None:
        self._forward = forward
        self._variables = forward.variables
        trainable = {id(variable) for variable in forward.trainable_variables}
        self._places = [i for i, v in enumerate(self._variables) if id(v) in trainable]
        # A partial function: TensorFlow warns of retracing by a function's code, and another
        # student's gradients have the same.
        norms = partial(self._of_batch)
        self._norms = tf.function(norms, autograph=False, reduce_retracing=True)

    def __call__(self, weights: Sequence[Any], batches: Sequence[Batch], step: int) -> np.ndarray:
        """The norms, averaged over some batches, (terms,) float64.

        Args:
            weights: the values of `forward.variables`.
            batches: rows each; see `some_batches`.
            step: at which schedules are taken.
        """
        at = tf.constant(step)
        weights = [tf.convert_to_tensor(value) for value in weights]
        return np.mean([self._norms(weights, one, at).numpy() for one in batches], axis=0)

    def _of_batch(self, weights: Any, batch: Batch, step: Any) -> Any:
        watched = [weights[place] for place in self._places]
        mapping = list(zip(self._variables, weights, strict=True))
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(watched)
            with keras.StatelessScope(state_mapping=mapping, collect_losses=True):
                # Not the stacked ones: the gradient of one of those goes through all others.
                terms = self._forward.terms(batch, step, training=True)
        zero = tf.UnconnectedGradients.ZERO
        norms = [
            tf.linalg.global_norm(
                [
                    tf.convert_to_tensor(g)
                    for g in tape.gradient(term, watched, unconnected_gradients=zero)
                ]
            )
            for term in terms
        ]
        return tf.cast(tf.stack(norms), tf.float64)


def some_batches(columns: Batch, batch_size: int) -> list[Batch]:
    """The first four whole batches, in the order of the rows."""
    rows = int(columns.tensors["inputs"].shape[0])
    size = min(batch_size, rows)
    starts = range(0, rows - size + 1, size)[:_BATCHES]
    return [columns.rows(at, at + size) for at in starts]


def gradients_of(result: Result, batch_size: int) -> dict[str, float]:
    """By term, the norm of its gradient by the trained student's weights; see `TermGradients`."""
    forward = StudentLoss(result.student, result.objective)
    rows = columns_of(result.data, "train", result.teachers)
    few = rows.at(np.arange(min(len(rows), _BATCHES * batch_size)))
    columns = as_tensors(few, result.objective.needs)
    weights = [variable.value for variable in forward.variables]
    batches = some_batches(columns, batch_size)
    norms = TermGradients(forward)(weights, batches, result.history.latest.step)
    return dict(zip(forward.names, norms.tolist(), strict=True))
