"""Many steps in one compiled call.

Keras pays about a millisecond of Python for every step, whatever the network. Here a whole chunk of
epochs is one program: the loop over epochs, the loop over batches, the gathering of rows, the
student, the objective, the gradients, the optimizer and the evaluation on the holdout are compiled
together, and each term's value comes out of the same call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tfloss.lazy import tf
from tfloss.training.options import Compile
from tfloss.training.program.batch import Columns
from tfloss.training.program.compiler import Compiled, choose
from tfloss.training.program.evaluate import SLICE_ROWS, Evaluation
from tfloss.training.program.forward import Measure
from tfloss.training.program.step import BLOCK_BYTES, NEVER, Care, Steps, Take, Watch
from tfloss.training.program.variants import Programs
from tfloss.training.program.xla import prepare_xla


@dataclass(frozen=True)
class ChunkLog:
    """What a chunk of epochs reports.

    Attributes:
        train: (epochs, 1 + terms) float32: the total and each term, averaged over the epoch's rows.
        holdout: the same on the holdout after each epoch, NaN where it was not evaluated; None
            without a holdout.
        bad: the first step whose total was not finite: its number, its total and terms; or None.
        taken_back: how many steps were taken back, where care was taken.
        steps: how many were tried.
        finite: whether all weights are, at the end.
    """

    train: np.ndarray
    holdout: np.ndarray | None
    bad: tuple[int, np.ndarray] | None
    taken_back: int = 0
    steps: int = 0
    finite: bool = True


class Engine(Steps):
    """Trains a student on in-memory columns.

    Args:
        measure: the student and the objective.
        optimizer: a Keras optimizer.
        train: the rows to train on.
        holdout: rows to evaluate on after epochs, never trained on.
        batch_size: rows per step.
        rows: how many an epoch goes over, repeated ones counted; default: all once.
        evaluate_every: evaluate after every so many epochs (and after the last of a chunk).
        evaluated_rows: of the holdout at a time.
        compile: 'xla', 'graph' (TensorFlow's own executor), 'steps' (nothing is compiled, so that
            a debugger sees every step), or 'auto': XLA where the work ahead is worth compiling for.
        work: the number of steps ahead, for 'auto'.

    Attributes:
        traces: how often the program was traced: once per run, whatever the remainders.
    """

    def __init__(
        self,
        measure: Measure,
        optimizer: Any,
        train: Columns,
        holdout: Columns | None = None,
        *,
        batch_size: int,
        rows: int | None = None,
        evaluate_every: int = 1,
        evaluated_rows: int = SLICE_ROWS,
        compile: Compile = "auto",
        work: int | None = None,
    ) -> None:
        prepare_xla()
        self.rows = len(train) if rows is None else rows
        self.batch_size = min(batch_size, len(train))
        self.steps_per_epoch = -(-self.rows // self.batch_size)
        self.evaluate_every = evaluate_every
        self._train = train.packed(measure.objective.needs)
        self._holdout: Evaluation | None = None
        if holdout is not None:
            self._holdout = Evaluation(measure, holdout, evaluated_rows)
        if measure.objective.states:  # a first look at the data makes what losses hold
            measure({n: c[:1] for n, c in self._train.items()}, tf.constant(0), training=False)
        super().__init__(measure, optimizer)
        self.traces = 0
        chosen = choose(compile, work)
        self._chunks = Programs(self, self._chunk, lambda: chosen)
        self._parts = Programs(self, self._part, lambda: self.compiled_as)
        self._single = Programs(self, self._gathered_step, self._not_xla, shapes_vary=True)
        self._evaluation: Compiled | None = None

    @property
    def compiled_as(self) -> str:
        """How the program is compiled: 'xla', 'graph' or 'steps'."""
        return self._chunks.compiled_as

    def run(
        self,
        order: np.ndarray,
        first_step: int,
        *,
        epochs: int | None = None,
        care: Care | None = None,
    ) -> ChunkLog:
        """Train on `epochs` rows of `order` (all of them unless said), in one call.

        Args:
            order: (E, rows) int32, the order of the rows for each epoch. One shape compiles once:
                for a shorter last chunk hand in the same shape and say `epochs`.
            first_step: the number of steps already done, for schedules.
            care: look at every step before it counts; see `tfloss.training.loop.nan_guard`.
        """
        count = len(order) if epochs is None else epochs
        arguments = (tf.constant(order, tf.int32), tf.constant(count), tf.constant(first_step))
        train, holdout, watch = self._chunks(care, *arguments)
        return log_of(
            Watch(*watch),
            first_step,
            train.numpy()[:count],
            holdout.numpy()[:count] if self._holdout is not None else None,
        )

    def batch_of(self, rows: np.ndarray, number: int) -> tuple[np.ndarray, dict[str, Any]]:
        """The row numbers and the columns of a step of an epoch that has this order."""
        chosen = rows[number * self.batch_size : (number + 1) * self.batch_size]
        return chosen, self._gathered(tf.constant(chosen))

    # -- steps that somebody looks at ------------------------------------------------------------

    def run_watched(
        self, rows: np.ndarray, first_step: int, callbacks: Any, *, care: Care = "stop"
    ) -> ChunkLog:
        """One epoch, step by step, with care, telling `callbacks` before and after each."""
        watch = self.start(tf.constant(first_step))
        for number, start in enumerate(range(0, self.rows, self.batch_size)):
            batch = tf.constant(rows[start : start + self.batch_size])
            callbacks.on_train_batch_begin(number)
            values, watch = self._watched_step(batch, watch, care)
            logs = dict(zip(("loss", *self.measure.names), values.numpy().tolist(), strict=True))
            callbacks.on_train_batch_end(number, logs)
        train = self.averages(watch).numpy()[None]
        return log_of(watch, first_step, train, self.evaluate(first_step + self.steps_per_epoch))

    def run_part(
        self, rows: np.ndarray, size: int, watch: Watch, care: Care | None = None
    ) -> tuple[int, Watch]:
        """The first batches of `rows`, at most `size`, in one call; returns how many they were.

        A last batch that is not full is a call of its own.
        """
        full, size = len(rows) // self.batch_size, min(size, self._batches_per_block())
        if not full:
            return 1, self.end(self._watched_step(tf.constant(rows), watch, care)[1])
        count = min(full, size)
        padded = np.zeros(size * self.batch_size, np.int32)
        padded[: count * self.batch_size] = rows[: count * self.batch_size]
        after = self._parts(care, tf.constant(padded), size, tf.constant(count), watch)
        return count, Watch(*after)

    def _watched_step(self, rows: Any, watch: Watch, care: Care | None) -> tuple[Any, Watch]:
        values, after = self._single(care, rows, watch)
        return values, Watch(*after)

    def evaluate(self, step: int) -> np.ndarray | None:
        """The total and terms on the holdout, (1, 1 + terms), or None without one."""
        if self._holdout is None:
            return None
        if self._evaluation is None:
            how, progress = self._single.compiled_as, self.optimizer.iterations.numpy
            self._evaluation = Compiled(self._holdout, how, progress=progress)
        return self._evaluation(tf.constant(step)).numpy()[None]

    def _not_xla(self) -> str:
        """A part of the program is not worth XLA's time."""
        return "graph" if self.compiled_as == "xla" else self.compiled_as

    # -- the program -----------------------------------------------------------------------------

    def _chunk(self, order: Any, epochs: Any, first_step: Any, take: Take) -> tuple[Any, ...]:
        """`epochs` epochs; traced once."""
        self.traces += 1
        empty = tf.fill((order.shape[0], self.width), tf.constant(np.nan, tf.float32))

        def epoch(number: Any, train: Any, holdout: Any, *watch: Any) -> tuple[Any, ...]:
            before = Watch(*watch)._replace(sums=tf.zeros(self.width), left_out=tf.constant(0.0))
            after = self._epoch(order[number], before, take)
            train = tf.tensor_scatter_nd_update(train, [[number]], [self.averages(after)])
            holdout = self._evaluated(number, epochs, after.step, holdout)
            return number + 1, train, holdout, *after

        _, train, holdout, *watch = tf.while_loop(
            lambda number, *_: number < epochs,
            epoch,
            (tf.constant(0), empty, empty, *self.start(first_step)),
            parallel_iterations=1,
        )
        return train, holdout, self.end(Watch(*watch))

    def averages(self, watch: Watch) -> Any:
        """The total and each term over the rows of an epoch that count."""
        return watch.sums / (self.rows - watch.left_out)

    def _epoch(self, rows: Any, watch: Watch, take: Take) -> Watch:
        """One pass over the rows: blocks of full batches, then what remains."""
        full, rest = divmod(self.rows, self.batch_size)
        size = min(full, self._batches_per_block())
        blocks = -(-full // size)
        if blocks == 1:
            watch = self._block(rows[: full * self.batch_size], size, full, watch, take)
        else:
            padded = tf.pad(rows, [[0, blocks * size * self.batch_size - self.rows + rest]])

            def block(number: Any, *watch: Any) -> tuple[Any, ...]:
                part = tf.slice(padded, [number * size * self.batch_size], [size * self.batch_size])
                count = tf.minimum(size, full - number * size)
                return number + 1, *self._block(part, size, count, Watch(*watch), take)

            _, *after = tf.while_loop(
                lambda number, *_: number < blocks,
                block,
                (tf.constant(0), *watch),
                parallel_iterations=1,
            )
            watch = Watch(*after)
        if rest:
            _, watch = self._gathered_step(rows[full * self.batch_size :], watch, take)
        return watch

    def _batches_per_block(self) -> int:
        row = sum(
            column.dtype.size * int(np.prod(column.shape[1:])) for column in self._train.values()
        )
        return max(1, BLOCK_BYTES // (row * self.batch_size))

    def _block(self, rows: Any, size: int, count: Any, watch: Watch, take: Take) -> Watch:
        """The first `count` of `size` batches, gathered at once."""
        batches = self._gathered(tf.reshape(rows, [size, self.batch_size]))
        return self.over(batches, count, watch, take=take)

    def _part(self, rows: Any, size: int, count: Any, watch: Watch, take: Take) -> Watch:
        """The same as a program of its own."""
        return self.end(self._block(rows, size, count, watch, take))

    def _gathered(self, rows: Any) -> dict[str, Any]:
        return {name: tf.gather(column, rows) for name, column in self._train.items()}

    def _gathered_step(self, rows: Any, watch: Watch, take: Take) -> tuple[Any, Watch]:
        return take(self._gathered(rows), watch)

    def _evaluated(self, number: Any, epochs: Any, step: Any, log: Any) -> Any:
        """Write the holdout's values into row `number` of the log, where it is time to."""
        holdout = self._holdout
        if holdout is None:
            return log

        def write() -> Any:
            return tf.tensor_scatter_nd_update(log, [[number]], [holdout(step)])

        if self.evaluate_every == 1:
            return write()
        due = tf.logical_or((number + 1) % self.evaluate_every == 0, number + 1 >= epochs)
        return tf.cond(due, write, lambda: log)


def log_of(
    watch: Watch, first_step: int, train: np.ndarray, holdout: np.ndarray | None
) -> ChunkLog:
    """What a program answered, with what it kept an eye on."""
    step = int(watch.bad_step)
    bad = None if step == NEVER else (step, watch.bad_values.numpy())
    steps = int(watch.step) - first_step
    return ChunkLog(train, holdout, bad, int(watch.taken_back), steps, bool(watch.finite))
