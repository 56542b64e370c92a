"""The objective on rows that are not trained on."""

from __future__ import annotations

from typing import Any

from tfloss.lazy import tf
from tfloss.training.program.batch import Batch
from tfloss.training.program.forward import ForwardLoss, StudentLoss

SLICE_ROWS = 4096  # at a time, so that evaluating a large holdout takes bounded memory


class Evaluation:
    """The total and each term on a holdout, slice by slice.

    Each term is averaged over the examples that are there for it; the total is the terms' sum.

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
        if full == 1 and not rest:
            total, terms = self._forward(rows, step, training=False)
            return tf.concat([[total], terms], 0)
        _, sums = tf.while_loop(
            lambda number, _: number < full,
            lambda number, sums: (
                number + 1,
                sums + self._slice(rows, number * size, size, step),
            ),
            (tf.constant(0), tf.zeros((2, len(self._forward.names)))),
            parallel_iterations=1,
        )
        if rest:
            sums += self._slice(rows, full * size, rest, step)
        return self._averaged(sums)

    def _slice(self, rows: Batch, start: Any, count: int, step: Any) -> Any:
        """(2, terms): the sums over `count` rows, and over how many examples they are."""
        terms, counts = self._forward.counted(_rows_from(rows, start, count), step)
        return tf.stack([terms * counts, counts])

    def _averaged(self, sums: Any) -> Any:
        """(1 + terms,): the total and the terms, of their sums and counts, (2, terms)."""
        terms = tf.math.divide_no_nan(sums[0], sums[1])
        return tf.concat([[self._forward.total(tf.unstack(terms))], terms], 0)


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
        return self._averaged(tf.add_n(sums)), tf.concat(logits, 0)

    def _with_logits(self, rows: Batch, start: int, count: int, step: Any) -> tuple[Any, Any]:
        batch = _rows_from(rows, start, count)
        terms, counts, outputs = self._forward.measured(batch, step, training=False)
        sums = tf.stack([tf.stack(terms) * counts, counts])
        return sums, tf.cast(outputs["logits"], tf.float32)


def _rows_from(rows: Batch, start: Any, count: int) -> Batch:
    return rows.map(
        lambda c: tf.slice(c, [start, *[0] * (c.shape.rank - 1)], [count, *c.shape[1:]])
    )
