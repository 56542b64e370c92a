"""Rows from a `tf.data.Dataset`: batches are stacked into blocks while others are trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tfloss.data import Columns
from tfloss.errors import DataError
from tfloss.io.checked_npz import digest_of
from tfloss.lazy import tf
from tfloss.training.loop.autotuning import without_idle_tuning
from tfloss.training.loop.chunk_size import steps_per_call
from tfloss.training.loop.nan_report import StepRows
from tfloss.training.loop.source import Segment
from tfloss.training.options import Compile
from tfloss.training.program.batch import SAMPLE_WEIGHT, Batch, as_tensors
from tfloss.training.program.chunk_log import ChunkLog
from tfloss.training.program.compiler import Compiled
from tfloss.training.program.evaluate import Evaluation
from tfloss.training.program.forward import StudentLoss
from tfloss.training.program.replication import Replication
from tfloss.training.program.step import (
    BLOCK_BYTES,
    NanPolicy,
    StepFn,
    TrainState,
    TrainStep,
)
from tfloss.training.program.variants import Programs
from tfloss.training.program.xla import prepare_xla

_BLOCKS_AHEAD = 2
# Whether to stop is checked only every 10 batches: each check costs 50 µs.
_BATCHES_PER_CHECK = 10


class DatasetSource(TrainStep):
    """The `Source` of a `tf.data.Dataset` of dictionaries; see `fit_stream`.

    Attributes:
        batches_per_block: how many batches one compiled call goes over.
        choice: how its programs are compiled, and why.
        traces: how often the program was traced.
    """

    def __init__(
        self,
        forward: StudentLoss,
        optimizer: Any,
        dataset: Any,
        holdout: Columns | None,
        *,
        steps_per_epoch: int,
        batch_size: int,
        compile: Compile = "auto",
        work: int | None = None,
        before: str | None = None,
        replication: Replication | None = None,
    ) -> None:
        prepare_xla()
        self.steps_per_epoch = steps_per_epoch
        self.batch_size = batch_size
        needed = {"inputs", SAMPLE_WEIGHT, *forward.objective.needs}
        spec = dataset.element_spec
        self._names = [name for name in spec if name in needed]
        if forward.objective.states:
            first = next(iter(dataset.take(1)))
            forward.build(_as_batch(self._cast({n: c[:1] for n, c in first.items()})))
        super().__init__(forward, optimizer, replication)
        self.layout = _as_batch({n: _spec(spec[n], batch_size) for n in self._names})
        self.choice = self.chosen(compile, work, before)
        self.batches_per_block = self._block_size(spec, self.choice.compiled_as)
        self.traces = 0
        self._programs = Programs(self, self._over_block, lambda: self.choice.compiled_as)
        self._holdout: Evaluation | None = None
        if holdout is not None:
            layout = as_tensors(holdout, forward.objective.needs).specs()
            self._holdout = Evaluation(forward, layout)
        self._evaluation: Compiled | None = None
        self.take_data(dataset, holdout, work)

    def take_data(self, dataset: Any, holdout: Columns | None, work: int | None) -> None:
        """Take this dataset, with elements and a holdout like those before."""
        self._dataset, self._work = dataset, work
        needs = self.forward.objective.needs  # type: ignore[attr-defined]
        self._held_out = [] if holdout is None else as_tensors(holdout, needs).leaves()
        self._closed = tf.Variable(False, trainable=False)
        self._blocks: Iterator[Mapping[str, Any]] | None = None
        self._block = Batch({}, {})
        self._used = self.batches_per_block  # of the block at hand
        self.watched = False
        self._on_holdout: Any = None

    def release_data(self) -> None:
        """Let go of the data; the programs stay."""
        self._dataset, self._blocks, self._block = None, None, Batch({}, {})
        self._held_out = []

    @property
    def compiled_as(self) -> str:
        """How the program is compiled: 'xla', 'graph' or 'eager'."""
        return self._programs.compiled_as

    @property
    def rows(self) -> int:
        """Of an epoch."""
        return self.steps_per_epoch * self.batch_size

    @property
    def step(self) -> TrainStep:
        """What changes the weights."""
        return self

    def begin(self, done: int, state: Mapping[str, np.ndarray], max_steps: int | None) -> None:
        """Start reading, after the batches that were trained on before.

        Raises:
            DataError: the stream does not repeat what it gave then.
        """
        del max_steps  # each segment has its limit
        self._blocks = self._stacked(max(0, done - 1))
        if done:  # the last batch once more, to see whether it is the same
            self._block, self._used = self._next_block(), 1
            if state and str(state["digest"]) != self._digest():
                raise DataError(
                    f"The stream does not repeat: its batch {done} is another than it was. Give "
                    f"its shuffling a seed, or train from the beginning in another folder."
                )

    def chunk(self, epoch: int, epochs: int, *, single: bool) -> None:
        """A stream is read block by block, however short its epochs are."""

    def segment(self, epoch: int, done: int, state: TrainState, limit: int | None) -> Segment:
        """The next batches of the block at hand, at most to the end of the epoch."""
        if self._used == self.batches_per_block:
            self._block, self._used = self._next_block(), 0
        start, first, block = self._used, int(state.step), self._block
        most = min(self.steps_per_epoch - done, limit or self.steps_per_epoch)
        stop = self._used = min(self.batches_per_block, start + most)
        ends = tf.constant(done + stop - start == self.steps_per_epoch)
        held_out = self._held_out
        arguments = (block, tf.constant(start), tf.constant(stop), ends, state, held_out)

        def run(policy: NanPolicy | None) -> TrainState:
            after, self._on_holdout = self._programs(policy, *arguments)
            return TrainState(*after)

        def batch_of(step: int) -> StepRows:
            row = step * self.batch_size
            batch = block.map(lambda column: column[start + step - first])
            return StepRows(range(row, row + self.batch_size), batch, "the stream")

        return Segment(run, batch_of)

    def metrics(self) -> np.ndarray:
        return np.empty(0, np.float32)

    def evaluated(self, log: ChunkLog, step: int) -> ChunkLog:
        """The segment that ended the epoch has evaluated the holdout."""
        if self._holdout is None:
            return log
        values = self._on_holdout.numpy()
        if np.isnan(values).all():  # the epoch was cut short
            if self._evaluation is None:
                progress = self.optimizer.iterations.numpy
                self._evaluation = Compiled(self._holdout, "graph", progress=progress)
            values = self._evaluation(tf.constant(step), self._held_out).numpy()
        return replace(log, holdout=values[None])

    def state(self) -> dict[str, np.ndarray]:
        return {"digest": np.array(self._digest())}

    def close(self) -> None:
        """Stop reading ahead.

        A dataset that is thrown away while it calls a Python generator waits for the generator,
        and keeps Python from running it: both would wait for ever.
        """
        self._closed.assign(True)
        for _ in self._blocks or ():
            pass

    def _digest(self) -> str:
        """SHA-256 of the last batch."""
        last = self._block.map(lambda column: column[self._used - 1].numpy())
        return digest_of(last.named())

    def _over_block(
        self,
        block: Batch,
        start: Any,
        stop: Any,
        ends: Any,
        state: TrainState,
        held_out: list[Any],
        step_fn: StepFn,
    ) -> tuple[TrainState, Any]:
        """Train on batches `start` to `stop`; then the holdout's values, where the epoch ends."""
        self.traces += 1
        state = self.over(block, stop, TrainState(*state), start=start, step_fn=step_fn)
        after = self.end(state)
        evaluate, unknown = self._holdout, tf.fill([self.width], np.float32(np.nan))
        if evaluate is None:
            return after, unknown
        return after, tf.cond(ends, lambda: evaluate(after.step, held_out), lambda: unknown)

    # -- from the dataset to blocks --------------------------------------------------------------

    def _block_size(self, spec: Mapping[str, Any], how: str) -> int:
        """As many batches as memory and a person's patience allow, at most an epoch."""
        row = sum(spec[n].dtype.size * int(np.prod(spec[n].shape[1:])) for n in self._names)
        by_memory = BLOCK_BYTES // (row * self.batch_size)
        by_time = steps_per_call(how, self.work_per_step, passes=self.passes_per_step)
        return max(1, min(self.steps_per_epoch, by_memory, by_time))

    def _stacked(self, skipped: int) -> Iterator[Mapping[str, Any]]:
        """Blocks of whole batches, (batches, batch_size, …) each, made in advance."""
        shape = [self.batches_per_block, self.batch_size]

        def stack(rows: Mapping[str, Any]) -> Mapping[str, Any]:
            columns = self._cast(rows).items()
            return {name: tf.reshape(c, [*shape, *c.shape[1:]]) for name, c in columns}

        rows = self._dataset.repeat()
        if set(rows.element_spec) != set(self._names):  # what nobody needs is not rebatched
            rows = rows.map(lambda batch: {name: batch[name] for name in self._names})
        per_check = min(_BATCHES_PER_CHECK, shape[0])
        rows = rows.rebatch(per_check * self.batch_size, drop_remainder=True)
        rows = rows.take_while(lambda _: tf.logical_not(self._closed.value()))
        if skipped:
            rows = rows.rebatch(self.batch_size, drop_remainder=True).skip(skipped)
        blocks = rows.rebatch(shape[0] * shape[1], drop_remainder=True)
        if self._work is not None:  # no more than that is read
            blocks = blocks.take(-(-(self._work - skipped) // shape[0]))
        return iter(without_idle_tuning(blocks.map(stack).prefetch(_BLOCKS_AHEAD)))

    def _cast(self, rows: Mapping[str, Any]) -> dict[str, Any]:
        """The columns that the objective needs, fractions as float32."""
        columns = {name: tf.convert_to_tensor(rows[name]) for name in self._names}
        wide = tf.float64
        return {n: tf.cast(c, tf.float32) if c.dtype == wide else c for n, c in columns.items()}

    def _next_block(self) -> Batch:
        try:
            return _as_batch(next(self._blocks or iter(())))
        except StopIteration:
            raise DataError("The dataset has no rows.") from None


def _as_batch(columns: Mapping[str, Any]) -> Batch:
    tensors = {name: column for name, column in columns.items() if name != SAMPLE_WEIGHT}
    return Batch(tensors, {}, columns.get(SAMPLE_WEIGHT))


def _spec(column: Any, rows: int) -> Any:
    """Of a column as a step reads it."""
    dtype = tf.float32 if column.dtype == tf.float64 else column.dtype
    return tf.TensorSpec((rows, *column.shape[1:]), dtype)
