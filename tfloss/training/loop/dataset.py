"""Rows from a `tf.data.Dataset`, block by block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tfloss.data import Columns
from tfloss.errors import DataError
from tfloss.io.checked_npz import digest_of
from tfloss.lazy import tf
from tfloss.training.loop.blocks import Blocks, as_batch, cast
from tfloss.training.loop.chunk_size import epochs_per_block, steps_per_call
from tfloss.training.loop.nan_report import StepRows
from tfloss.training.loop.source import Chunk, Segment
from tfloss.training.options import Compile
from tfloss.training.program.batch import SAMPLE_WEIGHT, Batch, as_tensors
from tfloss.training.program.chunk_log import ChunkLog, log_of, with_row
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
        self.rows = steps_per_epoch * batch_size
        needed = {"inputs", SAMPLE_WEIGHT, *forward.objective.needs}
        spec = dataset.element_spec
        self._names = [name for name in spec if name in needed]
        if forward.objective.states:
            first = next(iter(dataset.take(1)))
            forward.build(as_batch(cast({n: c[:1] for n, c in first.items()}, self._names)))
        super().__init__(forward, optimizer, replication)
        self.layout = as_batch({n: _spec(spec[n], batch_size) for n in self._names})
        self.choice = self.chosen(compile, work, before)
        self.batches_per_block = self._block_size(spec, self.choice.compiled_as, work)
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
        self._blocks: Blocks | None = None
        self._block = Batch({}, {})
        self._used = self.batches_per_block  # of the block at hand
        self._max_steps: int | None = None
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
    def step(self) -> TrainStep:
        """What changes the weights."""
        return self

    def begin(self, done: int, state: Mapping[str, np.ndarray], max_steps: int | None) -> None:
        """Start reading, after the batches that were trained on before.

        Raises:
            DataError: the stream does not repeat what it gave then.
        """
        self._max_steps = max_steps
        self._blocks = Blocks(
            self._dataset,
            self._names,
            batches=self.batches_per_block,
            batch_size=self.batch_size,
            skipped=max(0, done - 1),
            work=self._work,
        )
        if done:  # the last batch once more, to see whether it is the same
            self._block, self._used = next(self._blocks), 1
            if state and str(state["digest"]) != self._digest():
                raise DataError(
                    f"The stream does not repeat: its batch {done} is another than it was. Give "
                    f"its shuffling a seed, or train from the beginning in another folder."
                )

    def chunk(self, epoch: int, epochs: int, *, single: bool) -> Chunk | None:
        """The whole epochs that are left in the block at hand; None where there is not one."""
        self._read_on()
        length, start, block = self.steps_per_epoch, self._used, self._block
        left = self.batches_per_block - start
        most = left if self._max_steps is None else min(left, self._max_steps)
        count = min(most // length, 1 if single else epochs - epoch)
        if not count:
            return None
        first, stop = epoch * length, start + count * length
        self._used = stop

        def run(policy: NanPolicy | None) -> ChunkLog:
            state = self.start(tf.constant(first))
            after, train, holdout = self._trained(policy, block, start, stop, 0, state)
            evaluated = None if self._holdout is None else holdout.numpy()[:count]
            return log_of(after, first, train.numpy()[:count], evaluated)

        return Chunk(run, lambda step: self._step_rows(step, block, start - first))

    def segment(self, epoch: int, done: int, state: TrainState, limit: int | None) -> Segment:
        """The next batches of the block at hand, at most to the end of the epoch."""
        self._read_on()
        start, first, block = self._used, int(state.step), self._block
        most = min(self.steps_per_epoch - done, limit or self.steps_per_epoch)
        stop = self._used = min(self.batches_per_block, start + most)

        def run(policy: NanPolicy | None) -> TrainState:
            after, _, holdout = self._trained(policy, block, start, stop, done, state)
            self._on_holdout = holdout[0]
            return after

        return Segment(run, lambda step: self._step_rows(step, block, start - first))

    def _read_on(self) -> None:
        """Take the next block, where the one at hand is used up."""
        if self._used == self.batches_per_block:
            assert self._blocks is not None
            self._block, self._used = next(self._blocks), 0

    def _trained(
        self,
        policy: NanPolicy | None,
        block: Batch,
        start: int,
        stop: int,
        done: int,
        state: TrainState,
    ) -> tuple[TrainState, Any, Any]:
        places = tf.constant(start), tf.constant(stop), tf.constant(done)
        after, *logs = self._programs(policy, block, *places, state, self._held_out)
        return TrainState(*after), *logs

    def _step_rows(self, step: int, block: Batch, offset: int) -> StepRows:
        """The rows of a step of this block, which has it `offset` batches from its number."""
        row = step * self.batch_size
        batch = block.map(lambda column: column[step + offset])
        return StepRows(range(row, row + self.batch_size), batch, "the stream")

    def metrics(self) -> np.ndarray:
        return np.empty(0, np.float32)

    def evaluated(self, log: ChunkLog, step: int) -> ChunkLog:
        """The program has evaluated the holdout where an epoch ended."""
        if self._holdout is None or log.holdout is not None:
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
        if self._blocks is not None:
            self._blocks.close()

    def _digest(self) -> str:
        """SHA-256 of the last batch."""
        last = self._block.map(lambda column: column[self._used - 1].numpy())
        return digest_of(last.named())

    def _over_block(
        self,
        block: Batch,
        start: Any,
        stop: Any,
        done: Any,
        state: TrainState,
        held_out: list[Any],
        step_fn: StepFn,
    ) -> tuple[TrainState, Any, Any]:
        """Train on batches `start` to `stop`, epoch by epoch.

        Args:
            block: all batches.
            start: first of them to train on.
            stop: first of them not to train on.
            done: steps of the first epoch that were done before.
            state: at their end.
            held_out: columns of the holdout.
            step_fn: takes a step.

        Returns:
            the state; the averages over each epoch, and the holdout's values at its end, NaN for an
            epoch that has not ended.
        """
        self.traces += 1
        length, evaluate = self.steps_per_epoch, self._holdout
        most = -(-self.batches_per_block // length)
        unknown = tf.fill([most, self.width], np.float32(np.nan))

        def epoch(
            number: Any, first: Any, train: Any, holdout: Any, *state: Any
        ) -> tuple[Any, ...]:
            position = (done + first - start) % length
            last = tf.minimum(stop, first + length - position)
            after = self.over(
                block, last, self._begun(position, TrainState(*state)), start=first, step_fn=step_fn
            )
            train = with_row(train, number, self.averages(after))
            if evaluate is not None:
                holdout = tf.cond(
                    tf.equal(position + last - first, length),
                    lambda: with_row(holdout, number, evaluate(after.step, held_out)),
                    lambda: holdout,
                )
            return number + 1, last, train, holdout, *after

        _, _, train, holdout, *after = tf.while_loop(
            lambda _, first, *__: first < stop,
            epoch,
            (tf.constant(0), start, unknown, unknown, *state),
            parallel_iterations=1,
        )
        return self.end(TrainState(*after)), train, holdout

    def _begun(self, position: Any, state: TrainState) -> TrainState:
        """With nothing summed, where an epoch begins."""
        begins, nothing = tf.equal(position, 0), self.start(state.step)
        return state._replace(
            sums=tf.where(begins, nothing.sums, state.sums),
            skipped_rows=tf.where(begins, nothing.skipped_rows, state.skipped_rows),
        )

    def _block_size(self, spec: Mapping[str, Any], how: str, work: int | None) -> int:
        """As many batches as memory and a person's patience allow: part of an epoch, or some."""
        row = sum(spec[n].dtype.size * int(np.prod(spec[n].shape[1:])) for n in self._names)
        by_memory = BLOCK_BYTES // (row * self.batch_size)
        by_time = steps_per_call(how, self.work_per_step, passes=self.passes_per_step)
        self._fits = max(1, min(by_memory, by_time))
        if self._fits < self.steps_per_epoch:
            return self._fits
        return self.steps_per_epoch * self._epochs_per_block(work)

    def _epochs_per_block(self, work: int | None) -> int:
        return epochs_per_block(self.steps_per_epoch, self._fits, work)

    def is_long_enough(self, work: int | None) -> bool:
        """Whether a new program for so many steps would have no more than four times its blocks."""
        own = self.batches_per_block / self.steps_per_epoch
        return own < 1 or self._epochs_per_block(work) <= 4 * own


def _spec(column: Any, rows: int) -> Any:
    """Of a column as a step reads it."""
    dtype = tf.float32 if column.dtype == tf.float64 else column.dtype
    return tf.TensorSpec((rows, *column.shape[1:]), dtype)
