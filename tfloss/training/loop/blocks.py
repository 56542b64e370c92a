"""Batches of a `tf.data.Dataset`, stacked into blocks while others are trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tfloss.errors import DataError
from tfloss.lazy import tf
from tfloss.training.loop.autotuning import without_idle_tuning
from tfloss.training.program.batch import SAMPLE_WEIGHT, Batch

_BLOCKS_AHEAD = 2
# Whether to stop is checked only every 10 batches: each check costs 50 µs.
_BATCHES_PER_CHECK = 10


class Blocks:
    """An iterator over blocks of whole batches, (batches, batch_size, …) each.

    Args:
        dataset: of dictionaries; it is repeated.
        names: of its columns that are read.
        batches: of a block.
        batch_size: rows of a batch.
        skipped: batches that were trained on before.
        work: batches to train on, all together; no more are read but the few that are read
            together. The last block is filled up with zeros. None: any number.
    """

    def __init__(
        self,
        dataset: Any,
        names: Sequence[str],
        *,
        batches: int,
        batch_size: int,
        skipped: int,
        work: int | None,
    ) -> None:
        self._names, self._shape = names, [batches, batch_size]
        self._closed = tf.Variable(False, trainable=False)
        rows = dataset.repeat()
        if set(rows.element_spec) != set(names):  # what nobody needs is not rebatched
            rows = rows.map(lambda batch: {name: batch[name] for name in names})
        per_check = min(_BATCHES_PER_CHECK, batches)
        rows = rows.rebatch(per_check * batch_size, drop_remainder=True)
        rows = rows.take_while(lambda _: tf.logical_not(self._closed.value()))
        if work is not None:
            rows = rows.take(-(-work // per_check))
        if skipped:
            rows = rows.rebatch(batch_size, drop_remainder=True).skip(skipped)
        blocks = rows.rebatch(batches * batch_size)
        self._blocks = iter(without_idle_tuning(blocks.map(self._stacked).prefetch(_BLOCKS_AHEAD)))

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        try:
            return as_batch(next(self._blocks))
        except StopIteration:
            raise DataError("The dataset has no rows.") from None

    def close(self) -> None:
        """Stop reading ahead.

        A dataset that is thrown away while it calls a Python generator waits for the generator,
        and keeps Python from running it: both would wait for ever.
        """
        self._closed.assign(True)
        for _ in self._blocks:
            pass

    def _stacked(self, rows: Mapping[str, Any]) -> Mapping[str, Any]:
        filled = {name: self._filled(column) for name, column in cast(rows, self._names).items()}
        return {n: tf.reshape(c, [*self._shape, *c.shape[1:]]) for n, c in filled.items()}

    def _filled(self, column: Any) -> Any:
        """As many rows as a block has: XLA compiles for one shape."""
        missing = self._shape[0] * self._shape[1] - tf.shape(column)[0]
        zeros = tf.zeros([missing, *column.shape[1:]], column.dtype)
        return tf.cond(missing > 0, lambda: tf.concat([column, zeros], 0), lambda: column)


def cast(rows: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """These columns, fractions as float32."""
    columns = {name: tf.convert_to_tensor(rows[name]) for name in names}
    wide = tf.float64
    return {n: tf.cast(c, tf.float32) if c.dtype == wide else c for n, c in columns.items()}


def as_batch(columns: Mapping[str, Any]) -> Batch:
    """The columns as a step takes them."""
    tensors = {name: column for name, column in columns.items() if name != SAMPLE_WEIGHT}
    return Batch(tensors, {}, columns.get(SAMPLE_WEIGHT))
