"""Many steps in one compiled call.

Keras pays about a millisecond of Python for every step, whatever the network. Here a whole chunk of
epochs is one program: the loop over epochs, the loop over batches, the gathering of rows, the
student, the objective, the gradients, the optimizer and the evaluation on the holdout are compiled
together, and each term's value comes out of the same call.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfloss.lazy import tf
from tfloss.training.options import Compile
from tfloss.training.program.batch import Batch
from tfloss.training.program.chunk_log import ChunkLog, log_of, with_row
from tfloss.training.program.compiler import Compiled
from tfloss.training.program.evaluate import SLICE_ROWS, Evaluation
from tfloss.training.program.forward import ForwardLoss
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


class Engine(TrainStep):
    """Trains a student on in-memory columns.

    Args:
        forward: the model and its loss.
        optimizer: a Keras optimizer.
        train: the rows to train on.
        holdout: rows to evaluate on after epochs, never trained on.
        batch_size: rows per step.
        rows: how many an epoch goes over, repeated ones counted; default: all once.
        evaluate_every: evaluate after every so many epochs (and after the last of a chunk).
        evaluated_rows: of the holdout at a time.
        compile: 'xla', 'graph' (TensorFlow's own executor), 'eager' (nothing is compiled, so that
            a debugger sees every step), or 'auto': see `tfloss.training.program.choose_compiler`.
        work: the number of steps ahead, for 'auto'.
        before: how the checkpoint was compiled that the training goes on from, for 'auto'.
        replication: how a step is spread over replicas; default: one device.

    Attributes:
        choice: how its programs are compiled, and why.
        traces: how often the program was traced: once per run, whatever the remainders.
    """

    def __init__(
        self,
        forward: ForwardLoss,
        optimizer: Any,
        train: Batch,
        holdout: Batch | None = None,
        *,
        batch_size: int,
        rows: int | None = None,
        evaluate_every: int = 1,
        evaluated_rows: int = SLICE_ROWS,
        compile: Compile = "auto",
        work: int | None = None,
        before: str | None = None,
        replication: Replication | None = None,
    ) -> None:
        prepare_xla()
        own = int(train.tensors["inputs"].shape[0])
        self.rows = own if rows is None else rows
        self.batch_size = min(batch_size, own)
        self.steps_per_epoch = -(-self.rows // self.batch_size)
        self.evaluate_every = evaluate_every
        self.layout = train.specs()
        self._holdout: Evaluation | None = None
        if holdout is not None:
            self._holdout = Evaluation(forward, holdout.specs(), evaluated_rows)
        self.take_data(train, holdout)
        forward.build(train.rows(0, 1))
        super().__init__(forward, optimizer, replication)
        self.traces = 0
        self.choice = self.chosen(compile, work, before)
        self._lengths: set[int] = set()  # of chunks that XLA has compiled
        self._chunks = Programs(
            self, self._chunk, lambda: self.choice.compiled_as, length_varies=True
        )
        self._parts = Programs(self, self._part, lambda: self.compiled_as)
        # Replicas cut a batch whose size is known.
        vary = self.replication is None
        self._single = Programs(self, self._gathered_step, self._not_xla, shapes_vary=vary)
        self._evaluation: Compiled | None = None

    @property
    def compiled_as(self) -> str:
        """How the program is compiled: 'xla', 'graph' or 'eager'."""
        return self._chunks.compiled_as

    # -- the data --------------------------------------------------------------------------------

    def take_data(self, train: Batch, holdout: Batch | None) -> None:
        """Take these rows, with the columns, types and numbers of rows of those before."""
        self._train = train.leaves()
        self._held_out = [] if holdout is None else holdout.leaves()

    def release_data(self) -> None:
        """Let go of the rows; the programs stay."""
        self._train, self._held_out = [], []

    def run(
        self,
        order: np.ndarray,
        first_step: int,
        *,
        epochs: int | None = None,
        policy: NanPolicy | None = None,
    ) -> ChunkLog:
        """Train on `epochs` rows of `order` (default: all of them), in one call.

        Args:
            order: (E, rows) int32, the order of the rows for each epoch. One shape compiles once:
                for a shorter last chunk pass the same shape and `epochs`.
            first_step: the number of steps already done, for schedules.
            policy: guard every step; see `tfloss.training.loop.nan_guard`.
        """
        count = len(order) if epochs is None else epochs
        order = self._lengthened(order)
        arguments = (tf.constant(order, tf.int32), tf.constant(count), tf.constant(first_step))
        rows = self._train, self._held_out
        train, holdout, state = self._chunks(policy, *arguments, *rows)
        return log_of(
            TrainState(*state),
            first_step,
            train.numpy()[:count],
            holdout.numpy()[:count] if self._holdout is not None else None,
        )

    def _lengthened(self, order: np.ndarray) -> np.ndarray:
        """The order with rows to spare, where XLA has compiled a longer chunk that will do."""
        if self.compiled_as != "xla":
            return order
        wanted = len(order)
        length = min((n for n in self._lengths if wanted <= n <= 16 * wanted), default=wanted)
        self._lengths.add(length)
        if length == wanted:
            return order
        return np.pad(order, [(0, length - wanted), (0, 0)])

    def batch_of(self, rows: np.ndarray, number: int) -> tuple[np.ndarray, Batch]:
        """The row numbers and the columns of a step of an epoch that has this order."""
        chosen = rows[number * self.batch_size : (number + 1) * self.batch_size]
        return chosen, self._gathered(tf.constant(chosen), self._train)

    # -- part of an epoch ------------------------------------------------------------------------

    def run_part(
        self,
        rows: np.ndarray,
        size: int,
        state: TrainState,
        policy: NanPolicy | None = None,
        *,
        limit: int | None = None,
    ) -> TrainState:
        """Train on the first batches of `rows` in one call.

        A last batch that is not full is a call of its own.

        Args:
            rows: row numbers, in their order.
            size: how many batches the program has room for: one size compiles once.
            state: at the end of the step before.
            policy: guard every step; see `tfloss.training.loop.nan_guard`.
            limit: how many batches at most; default: `size`.
        """
        full, size = len(rows) // self.batch_size, min(size, self._batches_per_block())
        if not full:
            return self.end(self.run_step(rows, state, policy))
        count = min(full, size, limit or size)
        padded = np.zeros(size * self.batch_size, np.int32)
        padded[: count * self.batch_size] = rows[: count * self.batch_size]
        arguments = (tf.constant(padded), size, tf.constant(count), state, self._train)
        after = self._parts(policy, *arguments)
        return TrainState(*after)

    def run_step(self, rows: np.ndarray, state: TrainState, policy: NanPolicy | None) -> TrainState:
        """One step on these rows."""
        return TrainState(*self._single(policy, tf.constant(rows), state, self._train)[1])

    def evaluate(self, step: int) -> np.ndarray | None:
        """The total and terms on the holdout, (1, 1 + terms), or None without one."""
        if self._holdout is None:
            return None
        if self._evaluation is None:
            how, progress = self._single.compiled_as, self.optimizer.iterations.numpy
            self._evaluation = Compiled(self._holdout, how, progress=progress)
        return self._evaluation(tf.constant(step), self._held_out).numpy()[None]

    def _not_xla(self) -> str:
        """A part of the program is not worth XLA's time."""
        return "graph" if self.compiled_as == "xla" else self.compiled_as

    # -- the program -----------------------------------------------------------------------------

    def _chunk(
        self,
        order: Any,
        epochs: Any,
        first_step: Any,
        rows: list[Any],
        held_out: list[Any],
        step_fn: StepFn,
    ) -> tuple[Any, ...]:
        """`epochs` epochs; traced once."""
        self.traces += 1
        shape = (tf.shape(order)[0], *self.lead, self.width)
        empty = tf.fill(shape, tf.constant(np.nan, tf.float32))

        def epoch(number: Any, train: Any, holdout: Any, *state: Any) -> tuple[Any, ...]:
            nothing = self.start(first_step)
            before = TrainState(*state)._replace(
                sums=nothing.sums, skipped_rows=nothing.skipped_rows
            )
            after = self._epoch(order[number], before, rows, step_fn)
            train = with_row(train, number, self.averages(after))
            holdout = self._evaluated(number, epochs, after.step, holdout, held_out)
            return number + 1, train, holdout, *after

        _, train, holdout, *state = tf.while_loop(
            lambda number, *_: number < epochs,
            epoch,
            (tf.constant(0), empty, empty, *self.start(first_step)),
            parallel_iterations=1,
        )
        return train, holdout, self.end(TrainState(*state))

    def _epoch(self, order: Any, state: TrainState, rows: list[Any], step_fn: StepFn) -> TrainState:
        """One pass over the rows: blocks of full batches, then what remains."""
        full, rest = divmod(self.rows, self.batch_size)
        size = min(full, self._batches_per_block())
        blocks = -(-full // size)
        if blocks == 1:
            first = order[..., : full * self.batch_size]
            state = self._block(first, size, full, state, rows, step_fn)
        else:
            lead = self.lead
            padding = [0, blocks * size * self.batch_size - self.rows + rest]
            padded = tf.pad(order, [*([0, 0] for _ in lead), padding])

            def block(number: Any, *state: Any) -> tuple[Any, ...]:
                start = [*(0 for _ in lead), number * size * self.batch_size]
                part = tf.slice(padded, start, [*lead, size * self.batch_size])
                count = tf.minimum(size, full - number * size)
                after = self._block(part, size, count, TrainState(*state), rows, step_fn)
                return number + 1, *after

            _, *after = tf.while_loop(
                lambda number, *_: number < blocks,
                block,
                (tf.constant(0), *state),
                parallel_iterations=1,
            )
            state = TrainState(*after)
        if rest:
            last = order[..., full * self.batch_size :]
            _, state = self._gathered_step(last, state, rows, step_fn)
        return state

    def _batches_per_block(self) -> int:
        at_once = int(np.prod(self.lead)) * self.batch_size
        return max(1, BLOCK_BYTES // (self.layout.bytes_per_row * at_once))

    def _block(
        self,
        order: Any,
        size: int,
        count: Any,
        state: TrainState,
        rows: list[Any],
        step_fn: StepFn,
    ) -> TrainState:
        """The first `count` of `size` batches, gathered at once."""
        places = tf.reshape(order, [*self.lead, size, self.batch_size])
        if self.lead:  # the loop is over the first axis
            places = tf.transpose(places, [1, 0, 2])
        batches = self._gathered(places, rows)
        return self.over(batches, count, state, step_fn=step_fn)

    def _part(
        self,
        order: Any,
        size: int,
        count: Any,
        state: TrainState,
        rows: list[Any],
        step_fn: StepFn,
    ) -> TrainState:
        """The same as a program of its own."""
        return self.end(self._block(order, size, count, state, rows, step_fn))

    def _gathered(self, order: Any, rows: list[Any]) -> Batch:
        return self.layout.with_leaves([tf.gather(column, order) for column in rows])

    def _gathered_step(
        self, order: Any, state: TrainState, rows: list[Any], step_fn: StepFn
    ) -> tuple[Any, TrainState]:
        return step_fn(self._gathered(order, rows), state)

    def _evaluated(self, number: Any, epochs: Any, step: Any, log: Any, held_out: list[Any]) -> Any:
        """Write the holdout's values into row `number` of the log, where it is time to."""
        holdout = self._holdout
        if holdout is None:
            return log

        def write() -> Any:
            return with_row(log, number, holdout(step, held_out))

        if self.evaluate_every == 1:
            return write()
        due = tf.logical_or((number + 1) % self.evaluate_every == 0, number + 1 >= epochs)
        return tf.cond(due, write, lambda: log)
