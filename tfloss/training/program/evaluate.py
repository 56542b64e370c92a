"""The objective on rows that are not trained on."""

from __future__ import annotations

from typing import Any

from tfloss.lazy import tf
from tfloss.objective import total_of
from tfloss.training.program.batch import Batch
from tfloss.training.program.forward import ForwardLoss, StudentLoss

SLICE_ROWS = 4096  # at a time, so that evaluating a large holdout takes bounded memory


class Evaluation:
    """The total and each term on a holdout, slice by slice, averaged over its rows.

    Args:
        forward: the model and its loss.
        layout: the holdout, or the specs of its tensors.
        at_once: how many rows a slice has.
    """

    def __init__(self, forward: ForwardLoss, layout: Batch, at_once: int = SLICE_ROWS) -> None:
        self._forward = forward
        self._layout = layout
        self._rows = int(layout.tensors["inputs"].shape[0])
        self._at_once = at_once

    def __call__(self, step: Any, leaves: list[Any]) -> Any:
        """(1 + terms,) float32, with the schedules of that step.

        Args:
            step: steps done.
            leaves: the tensors of the holdout, in the order of its layout.
        """
        rows = self._layout.with_leaves(leaves)
        size = min(self._rows, self._at_once)
        full, rest = divmod(self._rows, size)
        if full == 1:
            sums = self._slice(rows, 0, size, step)
        else:
            _, sums = tf.while_loop(
                lambda number, _: number < full,
                lambda number, sums: (
                    number + 1,
                    sums + self._slice(rows, number * size, size, step),
                ),
                (tf.constant(0), tf.zeros(1 + len(self._forward.names))),
                parallel_iterations=1,
            )
        if rest:
            sums += self._slice(rows, full * size, rest, step)
        return sums / self._rows

    def _slice(self, rows: Batch, start: Any, count: int, step: Any) -> Any:
        """The sums over `count` rows."""
        total, terms = self._forward(_rows_from(rows, start, count), step, training=False)
        return tf.concat([[total], terms], 0) * count


class LogitEvaluation(Evaluation):
    """The same with the logits of every row, for a student and an objective."""

    _forward: StudentLoss

    def __call__(self, step: Any, leaves: list[Any]) -> Any:
        """(1 + terms,) float32, and the logits, (rows, k) float32."""
        rows = self._layout.with_leaves(leaves)
        starts = range(0, self._rows, self._at_once)
        slices = [
            self._with_logits(rows, at, min(self._at_once, self._rows - at), step) for at in starts
        ]
        sums, logits = zip(*slices, strict=True)
        return tf.add_n(sums) / self._rows, tf.concat(logits, 0)

    def _with_logits(self, rows: Batch, start: int, count: int, step: Any) -> tuple[Any, Any]:
        batch = _rows_from(rows, start, count)
        terms, outputs = self._forward.terms_and_outputs(batch, step, training=False)
        values = tf.stack([total_of(terms), *terms])
        return values * count, tf.cast(outputs["logits"], tf.float32)


def _rows_from(rows: Batch, start: Any, count: int) -> Batch:
    return rows.map(
        lambda c: tf.slice(c, [start, *[0] * (c.shape.rank - 1)], [count, *c.shape[1:]])
    )
