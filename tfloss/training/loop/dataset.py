"""The compiled body, fed by batches that are stacked while others are trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tfloss.errors import DataError
from tfloss.io.checked_npz import digest_of
from tfloss.lazy import tf
from tfloss.training.loop.chunk_size import steps_per_call
from tfloss.training.loop.nan_guard import Guard
from tfloss.training.loop.nan_report import Batch
from tfloss.training.options import Compile
from tfloss.training.program.batch import WEIGHT, Columns
from tfloss.training.program.compiler import choose
from tfloss.training.program.evaluate import Evaluation
from tfloss.training.program.forward import Measure
from tfloss.training.program.step import BLOCK_BYTES, Care, Steps, Take, Watch
from tfloss.training.program.variants import Programs
from tfloss.training.program.xla import prepare_xla

SAMPLE_WEIGHT = "sample_weight"  # the column's name in a stream
_BLOCKS_AHEAD = 2
# Whether to go on is asked so seldom: it takes 50 µs, in which small batches could be trained on.
_BATCHES_PER_QUESTION = 10


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
        how = choose(compile, work)
        self.batches_per_block = self._block_size(spec, how)
        self._dataset, self._work = dataset, work
        self._closed = tf.Variable(False, trainable=False)
        self._blocks: Iterator[Mapping[str, Any]] | None = None
        self._block: Mapping[str, Any] = {}
        self._used = self.batches_per_block  # of the block at hand
        self.traces = 0
        self._programs = Programs(self, self._over_block, lambda: how)
        self._holdout = None if holdout is None else Evaluation(measure, holdout)
        self._on_holdout: Any = None

    @property
    def compiled_as(self) -> str:
        """How the program is compiled: 'xla', 'graph' or 'steps'."""
        return self._programs.compiled_as

    @property
    def rows(self) -> int:
        """Of an epoch."""
        return self.steps_per_epoch * self.batch_size

    @property
    def steps(self) -> Steps:
        """What changes the weights."""
        return self

    def begin(self, done: int = 0, digest: str = "") -> None:
        """Start reading, behind the batches that were trained on before.

        Args:
            done: how many batches.
            digest: of the last of them.

        Raises:
            DataError: the stream does not repeat what it gave then.
        """
        self._blocks = self._stacked(max(0, done - 1))
        if done:  # the last batch once more, to see whether it is the same
            self._block, self._used = self._next_block(), 1
            if digest and self.digest() != digest:
                raise DataError(
                    f"The stream does not repeat: its batch {done} is another than it was. Give "
                    f"its shuffling a seed, or train anew in another folder."
                )

    def part(self, done: int, watch: Watch, guard: Guard) -> tuple[int, Watch]:
        """The next batches of the stream, at most to the end of the epoch, in one call."""
        if self._blocks is None:
            self.begin()
        if self._used == self.batches_per_block:
            self._block, self._used = self._next_block(), 0
        start, first = self._used, int(watch.step)
        stop = min(self.batches_per_block, start + self.steps_per_epoch - done)
        ends = tf.constant(done + stop - start == self.steps_per_epoch)
        arguments = (self._block, tf.constant(start), tf.constant(stop), ends, watch)

        def call(care: Care | None) -> Watch:
            after, self._on_holdout = self._programs(care, *arguments)
            return Watch(*after)

        def batch_of(step: int) -> Batch:
            columns = {name: column[start + step - first] for name, column in self._block.items()}
            row = step * self.batch_size
            return Batch(range(row, row + self.batch_size), columns, "the stream")

        after = guard.part(watch, call, batch_of)
        self._used = stop
        return done + stop - start, after

    def digest(self) -> str:
        """SHA-256 of the last batch."""
        return digest_of({n: column[self._used - 1].numpy() for n, column in self._block.items()})

    def evaluate(self, step: int) -> np.ndarray | None:
        """The total and terms on the holdout, (1, 1 + terms), or None without one.

        The part that ended the epoch has evaluated it.
        """
        return self._on_holdout.numpy()[None] if self._holdout else None

    def _over_block(
        self,
        block: Mapping[str, Any],
        start: Any,
        stop: Any,
        ends: Any,
        watch: Watch,
        take: Take,
    ) -> tuple[Watch, Any]:
        """Train on batches `start` to `stop`; then the holdout's values, where the epoch ends."""
        self.traces += 1
        after = self.end(self.over(block, stop, Watch(*watch), start=start, take=take))
        evaluate, unknown = self._holdout, tf.fill([self.width], np.float32(np.nan))
        if evaluate is None:
            return after, unknown
        return after, tf.cond(ends, lambda: evaluate(after.step), lambda: unknown)

    # -- from the dataset to blocks --------------------------------------------------------------

    def _block_size(self, spec: Mapping[str, Any], how: str) -> int:
        """As many batches as memory and a person's patience allow, at most an epoch."""
        row = sum(spec[n].dtype.size * int(np.prod(spec[n].shape[1:])) for n in self._names)
        by_memory = BLOCK_BYTES // (row * self.batch_size)
        by_time = steps_per_call(how, self.work_per_step)
        return max(1, min(self.steps_per_epoch, by_memory, by_time))

    def _stacked(self, skipped: int) -> Iterator[Mapping[str, Any]]:
        """Blocks of whole batches, (batches, batch_size, …) each, made ahead."""
        shape = [self.batches_per_block, self.batch_size]

        def stack(rows: Mapping[str, Any]) -> Mapping[str, Any]:
            packed = self._packed(rows).items()
            return {name: tf.reshape(c, [*shape, *c.shape[1:]]) for name, c in packed}

        rows = self._dataset.repeat()
        if set(rows.element_spec) != set(self._names):  # what nobody needs is not arranged anew
            rows = rows.map(lambda batch: {name: batch[name] for name in self._names})
        asked = min(_BATCHES_PER_QUESTION, shape[0])
        rows = rows.rebatch(asked * self.batch_size, drop_remainder=True)
        rows = rows.take_while(lambda _: tf.logical_not(self._closed.value()))
        if skipped:
            rows = rows.rebatch(self.batch_size, drop_remainder=True).skip(skipped)
        blocks = rows.rebatch(shape[0] * shape[1], drop_remainder=True)
        if self._work is not None:  # no more than that is read
            blocks = blocks.take(-(-(self._work - skipped) // shape[0]))
        return iter(blocks.map(stack).prefetch(_BLOCKS_AHEAD))

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
        for _ in self._blocks or ():
            pass

    def _next_block(self) -> Mapping[str, Any]:
        try:
            return next(self._blocks or iter(()))
        except StopIteration:
            raise DataError("The dataset has no rows.") from None
