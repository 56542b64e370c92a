"""The objective on rows that are not trained on."""

from __future__ import annotations

from typing import Any

from tfloss.lazy import tf
from tfloss.training.program.batch import Columns
from tfloss.training.program.forward import Measure

SLICE_ROWS = 4096  # at a time, so that evaluating a large holdout takes bounded memory


class Evaluation:
    """The total and each term on a holdout, slice by slice, averaged over its rows.

    Args:
        measure: the student and the objective.
        rows: the holdout.
        at_once: how many rows a slice has.
    """

    def __init__(self, measure: Measure, rows: Columns, at_once: int = SLICE_ROWS) -> None:
        self._measure = measure
        self._columns = rows.packed(measure.objective.needs)
        self._rows = len(rows)
        self._at_once = at_once

    def __call__(self, step: Any) -> Any:
        """(1 + terms,) float32, with the schedules of that step."""
        size = min(self._rows, self._at_once)
        full, rest = divmod(self._rows, size)
        if full == 1:
            sums = self._slice(0, size, step)
        else:
            _, sums = tf.while_loop(
                lambda number, _: number < full,
                lambda number, sums: (number + 1, sums + self._slice(number * size, size, step)),
                (tf.constant(0), tf.zeros(1 + len(self._measure.names))),
                parallel_iterations=1,
            )
        if rest:
            sums += self._slice(full * size, rest, step)
        return sums / self._rows

    def _slice(self, start: Any, count: int, step: Any) -> Any:
        """The sums over `count` rows."""
        batch = {
            name: tf.slice(c, [start, *[0] * (c.shape.rank - 1)], [count, *c.shape[1:]])
            for name, c in self._columns.items()
        }
        total, terms = self._measure(batch, step, training=False)
        return tf.concat([[total], terms], 0) * count
