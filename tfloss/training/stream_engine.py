"""The compiled body, fed by batches that are stacked while others are trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tfloss.errors import DataError
from tfloss.lazy import tf
from tfloss.training.columns import WEIGHT, Columns
from tfloss.training.compiled import Compile, Compiled, choose
from tfloss.training.engine import ChunkLog, first_bad
from tfloss.training.evaluation import Evaluation
from tfloss.training.measure import Measure
from tfloss.training.steps import BLOCK_BYTES, Steps, Watch
from tfloss.training.xla import prepare_xla

SAMPLE_WEIGHT = "sample_weight"  # the column's name in a stream
_MULTIPLY_ADDS_PER_BLOCK = 3e10
_BLOCKS_AHEAD = 2


class StreamEngine(Steps):
    """Trains a student on a `tf.data.Dataset` of dictionaries; see `fit_stream`.

    Attributes:
        batches_per_block: how many batches one compiled call goes over.
        traces: how often the program was traced.
    """

    def __init__(
        self,
        measure: Measure,
        optimizer: Any,
        dataset: Any,
        holdout: Columns | None,
        *,
        steps_per_epoch: int,
        batch_size: int,
        compile: Compile = "auto",
        work: int | None = None,
    ) -> None:
        prepare_xla()
        self.steps_per_epoch = steps_per_epoch
        self.batch_size = batch_size
        needed = ["inputs", *sorted(measure.objective.needs - {"inputs"})]
        spec = dataset.element_spec
        self._names = {
            name: WEIGHT if name == SAMPLE_WEIGHT else name
            for name in spec
            if name in needed or name == SAMPLE_WEIGHT
        }
        if measure.objective.states:  # a first look at the data makes what losses hold
            first = next(iter(dataset.take(1)))
            measure(
                self._packed({n: c[:1] for n, c in first.items()}), tf.constant(0), training=False
            )
        super().__init__(measure, optimizer)
        self.batches_per_block = self._block_size(spec)
        self._closed = tf.Variable(False, trainable=False)
        self._blocks = self._stacked(dataset)
        self._block: Mapping[str, Any] = {}
        self._used = self.batches_per_block  # of the block at hand
        self.traces = 0
        progress = optimizer.iterations.numpy
        self._program = Compiled(self._over_block, choose(compile, work), progress=progress)
        self._holdout = None
        if holdout is not None:
            evaluation = Evaluation(measure, holdout)
            how = "graph" if self.compiled_as == "xla" else self.compiled_as
            self._holdout = Compiled(evaluation, how, progress=progress)

    @property
    def compiled_as(self) -> str:
        """How the program is compiled: 'xla', 'graph' or 'steps'."""
        return self._program.compiled_as

    def run_epoch(self, first_step: int) -> ChunkLog:
        """The next `steps_per_epoch` batches of the stream."""
        watch = self.start(tf.constant(first_step))
        left = self.steps_per_epoch
        while left:
            if self._used == self.batches_per_block:
                self._block, self._used = self._next_block(), 0
            stop = min(self.batches_per_block, self._used + left)
            watch = Watch(
                *self._program(self._block, tf.constant(self._used), tf.constant(stop), watch)
            )
            left -= stop - self._used
            self._used = stop
        rows = self.steps_per_epoch * self.batch_size
        step = tf.constant(first_step + self.steps_per_epoch)
        holdout = self._holdout(step).numpy()[None] if self._holdout is not None else None
        bad = first_bad(watch.bad_step, watch.bad_values)
        return ChunkLog((watch.sums.numpy() / rows)[None], holdout, bad)

    def _over_block(self, block: Mapping[str, Any], start: Any, stop: Any, watch: Watch) -> Watch:
        self.traces += 1
        return self.over(block, stop, Watch(*watch), start=start)

    # -- from the dataset to blocks --------------------------------------------------------------

    def _block_size(self, spec: Mapping[str, Any]) -> int:
        """As many batches as memory and a person's patience allow, at most an epoch."""
        row = sum(spec[n].dtype.size * int(np.prod(spec[n].shape[1:])) for n in self._names)
        by_memory = BLOCK_BYTES // (row * self.batch_size)
        by_time = _MULTIPLY_ADDS_PER_BLOCK / max(self.work_per_row * self.batch_size, 1)
        return max(1, min(self.steps_per_epoch, by_memory, int(by_time)))

    def _stacked(self, dataset: Any) -> Iterator[Mapping[str, Any]]:
        """Blocks of whole batches, (batches, batch_size, …) each, made ahead."""
        shape = [self.batches_per_block, self.batch_size]

        def stack(rows: Mapping[str, Any]) -> Mapping[str, Any]:
            return {name: tf.reshape(c, [*shape, *c.shape[1:]]) for name, c in rows.items()}

        return iter(
            dataset.map(self._packed)
            .repeat()
            .take_while(lambda _: tf.logical_not(self._closed.value()))
            .rebatch(shape[0] * shape[1], drop_remainder=True)
            .map(stack)
            .prefetch(_BLOCKS_AHEAD)
        )

    def _packed(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """The columns that the objective needs, by the names that `Columns.packed` gives them."""
        packed = {}
        for name, inner in self._names.items():
            column = tf.convert_to_tensor(batch[name])
            packed[inner] = tf.cast(column, tf.float32) if column.dtype == tf.float64 else column
        return packed

    def close(self) -> None:
        """Stop reading ahead.

        A dataset that is thrown away while it calls a Python generator waits for the generator,
        and keeps Python from running it: both would wait for ever.
        """
        self._closed.assign(True)
        for _ in self._blocks:
            pass

    def _next_block(self) -> Mapping[str, Any]:
        try:
            return next(self._blocks)
        except StopIteration:
            raise DataError("The dataset has no rows.") from None
