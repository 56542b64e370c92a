"""The objective on rows that are not trained on."""

from __future__ import annotations

from typing import Any

from tfloss.lazy import tf
from tfloss.objective import total_of
from tfloss.training.program.batch import Batch
from tfloss.training.program.forward import ForwardLoss

SLICE_ROWS = 4096  # at a time, so that evaluating a large holdout takes bounded memory


class Evaluation:
    """The total and each term on a holdout, slice by slice.

    Each term is averaged over the examples that are there for it; the total is the terms' sum.

    Args:
        forward: the model and its loss.
        rows: the holdout.
        at_once: how many rows a slice has.
    """

    def __init__(self, forward: ForwardLoss, rows: Batch, at_once: int = SLICE_ROWS) -> None:
        self._forward = forward
        self._batch = rows
        self._rows = int(rows.tensors["inputs"].shape[0])
        self._at_once = at_once

    def __call__(self, step: Any) -> Any:
        """(1 + terms,) float32, with the schedules of that step."""
        size = min(self._rows, self._at_once)
        full, rest = divmod(self._rows, size)
        if full == 1 and not rest:
            total, terms = self._forward(self._batch, step, training=False)
            return tf.concat([[total], terms], 0)
        _, sums = tf.while_loop(
            lambda number, _: number < full,
            lambda number, sums: (number + 1, sums + self._slice(number * size, size, step)),
            (tf.constant(0), tf.zeros((2, len(self._forward.names)))),
            parallel_iterations=1,
        )
        if rest:
            sums += self._slice(full * size, rest, step)
        terms = tf.math.divide_no_nan(sums[0], sums[1])
        return tf.concat([[total_of(tf.unstack(terms))], terms], 0)

    def _slice(self, start: Any, count: int, step: Any) -> Any:
        """(2, terms): the sums over `count` rows, and over how many examples they are."""
        batch = self._batch.map(
            lambda c: tf.slice(c, [start, *[0] * (c.shape.rank - 1)], [count, *c.shape[1:]])
        )
        terms, counts = self._forward.counted(batch, step)
        return tf.stack([terms * counts, counts])
