"""Many steps in one compiled call.

Keras pays about a millisecond of Python for every step, whatever the network. Here a whole chunk of epochs
is one program: the loop over epochs, the loop over batches, the gathering of rows, the student, the
objective, the gradients, the optimizer and the evaluation on the holdout are compiled together, and each
term's value comes out of the same call.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tfloss.lazy import tf
from tfloss.training.columns import Columns
from tfloss.training.measure import Measure

Compile = Literal["auto", "xla", "graph"]

_EVALUATION_ROWS = 4096  # per slice, so that evaluating a large holdout takes bounded memory
_NEVER = np.iinfo(np.int32).max


@dataclass(frozen=True)
class ChunkLog:
    """What a chunk of epochs reports.

    Attributes:
        train: (epochs, 1 + terms) float32: the total and each term, averaged over the epoch's rows.
        holdout: the same on the holdout after each epoch, NaN where it was not evaluated; None
            without a holdout.
        bad: the first step whose total was not finite: its number, and its total and terms; or None.
    """

    train: np.ndarray
    holdout: np.ndarray | None
    bad: tuple[int, np.ndarray] | None


class Engine:
    """Trains a student on in-memory columns.

    Args:
        measure: the student and the objective.
        optimizer: a Keras optimizer.
        train: the rows to train on.
        holdout: rows to evaluate on after epochs, never trained on.
        batch_size: rows per step.
        evaluate_every: evaluate after every so many epochs (and after the last of a chunk).
        compile: 'xla', 'graph' (TensorFlow's own executor), or 'auto': XLA where the work ahead is
            worth compiling for.
        work: the number of steps ahead, for 'auto'.
    """

    def __init__(
        self,
        measure: Measure,
        optimizer: Any,
        train: Columns,
        holdout: Columns | None = None,
        *,
        batch_size: int,
        evaluate_every: int = 1,
        compile: Compile = "auto",
        work: int | None = None,
    ) -> None:
        self.measure = measure
        self.optimizer = optimizer
        self.rows = len(train)
        self.batch_size = min(batch_size, self.rows)
        self.evaluate_every = evaluate_every
        self._train = train.packed(measure.objective.needs)
        self._holdout = holdout.packed(measure.objective.needs) if holdout is not None else None
        self._holdout_rows = len(holdout) if holdout is not None else 0
        if measure.objective.states:  # a first look at the data makes what losses hold
            measure({n: c[:1] for n, c in self._train.items()}, tf.constant(0), training=False)
        self.variables = measure.trainable_variables
        self.traces = 0
        self._one_step: Any = None
        self._evaluation: Any = None
        self.compiled_as = _choose(compile, work)
        self._program = self._build(self.compiled_as)
        optimizer.build(self.variables)

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.rows // self.batch_size)

    def run(self, order: np.ndarray, first_step: int, *, epochs: int | None = None) -> ChunkLog:
        """Train on `epochs` rows of `order` (all of them unless said), in one call.

        Args:
            order: (E, rows) int32, the order of the rows for each epoch. One shape compiles once:
                for a shorter last chunk hand in the same shape and say `epochs`.
            first_step: the number of steps already done, for schedules.
        """
        count = len(order) if epochs is None else epochs
        arguments = (tf.constant(order, tf.int32), tf.constant(count), tf.constant(first_step))
        try:
            train, holdout, *bad = self._program(*arguments)
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
            if self.compiled_as != "xla" or self.optimizer.iterations.numpy() != first_step:
                raise
            self._fall_back(error)
            train, holdout, *bad = self._program(*arguments)
        return ChunkLog(
            train.numpy()[:count],
            holdout.numpy()[:count] if self._holdout is not None else None,
            _first_bad(*bad),
        )

    def _fall_back(self, error: Exception) -> None:
        reason = str(error).partition("\n")[0][:200]
        warnings.warn(
            f"XLA cannot compile this training; it goes on in TensorFlow's graph executor, with the "
            f"same results. XLA said: {reason}",
            stacklevel=3,
        )
        self.compiled_as = "graph"
        self._program = self._build("graph")

    @property
    def work_per_step(self) -> int:
        """Multiply-adds of one forward pass and its gradients, roughly."""
        return 3 * self.batch_size * sum(int(np.prod(v.shape)) for v in self.variables)

    # -- steps that somebody looks at ------------------------------------------------------------

    def run_watched(self, rows: np.ndarray, first_step: int, callbacks: Any) -> ChunkLog:
        """One epoch, step by step, telling `callbacks` before and after each."""
        if self._one_step is None:
            self._one_step = tf.function(self._step, autograph=False, reduce_retracing=True)
        sums = np.zeros(1 + len(self.measure.names))
        bad = (tf.constant(_NEVER), tf.zeros(len(sums)))
        for number, start in enumerate(range(0, self.rows, self.batch_size)):
            batch = tf.constant(rows[start : start + self.batch_size])
            callbacks.on_train_batch_begin(number)
            values, bad = self._one_step(batch, tf.constant(first_step + number), bad)
            sums += values.numpy() * len(batch)
            logs = dict(zip(("loss", *self.measure.names), map(float, values), strict=True))
            callbacks.on_train_batch_end(number, logs)
        train = (sums / self.rows)[None].astype(np.float32)
        step = first_step + self.steps_per_epoch
        return ChunkLog(train, self.evaluate(step), _first_bad(*bad))

    def evaluate(self, step: int) -> np.ndarray | None:
        """The total and terms on the holdout, (1, 1 + terms), or None without one."""
        if self._holdout is None:
            return None
        if self._evaluation is None:
            self._evaluation = tf.function(self._on_holdout, autograph=False)
        return self._evaluation(tf.constant(step)).numpy()[None]

    # -- going back ------------------------------------------------------------------------------

    def snapshot(self) -> list[np.ndarray]:
        """The values of everything that a step changes."""
        return [variable.numpy() for variable in self._state()]

    def restore(self, values: list[np.ndarray]) -> None:
        """Put back a snapshot."""
        for variable, value in zip(self._state(), values, strict=True):
            variable.assign(value)

    def weights_are_finite(self) -> bool:
        return all(np.isfinite(variable.numpy()).all() for variable in self.variables)

    def _state(self) -> list[Any]:
        return [*self.measure.variables, *self.optimizer.variables]

    # -- the program -----------------------------------------------------------------------------

    def _build(self, how: str) -> Callable[..., Any]:
        return tf.function(self._chunk, jit_compile=how == "xla", autograph=False)

    def _chunk(self, order: Any, epochs: Any, first_step: Any) -> tuple[Any, ...]:
        """`epochs` epochs; traced once."""
        self.traces += 1
        width = 1 + len(self.measure.names)
        capacity = order.shape[0]
        healthy = (tf.constant(_NEVER), tf.zeros(width))

        def epoch(number: Any, step: Any, bad: Any, train: Any, holdout: Any) -> Any:
            sums, step, bad = self._epoch(order[number], step, bad)
            train = tf.tensor_scatter_nd_update(train, [[number]], [sums / self.rows])
            holdout = self._evaluated(number, epochs, step, holdout)
            return number + 1, step, bad, train, holdout

        empty = tf.fill((capacity, width), tf.constant(np.nan, tf.float32))
        _, _, bad, train, holdout = tf.while_loop(
            lambda number, *_: number < epochs,
            epoch,
            (tf.constant(0), first_step, healthy, empty, empty),
            parallel_iterations=1,
        )
        return train, holdout, *bad

    def _epoch(self, rows: Any, step: Any, bad: Any) -> tuple[Any, Any, Any]:
        """One pass over the rows: the full batches in a loop, then what remains."""
        width = 1 + len(self.measure.names)
        full, rest = divmod(self.rows, self.batch_size)

        def one(number: Any, sums: Any, step: Any, bad: Any) -> Any:
            batch = tf.slice(rows, [number * self.batch_size], [self.batch_size])
            values, bad = self._step(batch, step, bad)
            return number + 1, sums + values * self.batch_size, step + 1, bad

        state = (tf.constant(0), tf.zeros(width), step, bad)
        if full == 1:
            _, sums, step, bad = one(*state)
        else:
            _, sums, step, bad = tf.while_loop(
                lambda number, *_: number < full, one, state, parallel_iterations=1
            )
        if rest:
            values, bad = self._step(rows[full * self.batch_size :], step, bad)
            sums, step = sums + values * rest, step + 1
        return sums, step, bad

    def _step(self, rows: Any, step: Any, bad: Any) -> tuple[Any, Any]:
        """Gather, forward, objective, gradients, update; the values before the update.

        `bad` is (step, values) of the first step whose total was not finite.
        """
        batch = {name: tf.gather(column, rows) for name, column in self._train.items()}
        with tf.GradientTape() as tape:
            total, terms = self.measure(batch, step, training=True)
        gradients = tape.gradient(total, self.variables)
        self.optimizer.apply(gradients, self.variables)
        values = tf.concat([[total], terms], 0)
        first = tf.logical_and(tf.logical_not(tf.math.is_finite(total)), bad[0] == _NEVER)
        return values, (tf.where(first, step, bad[0]), tf.where(first, values, bad[1]))

    def _evaluated(self, number: Any, epochs: Any, step: Any, log: Any) -> Any:
        """Write the holdout's values into row `number` of the log, where it is time to."""
        if self._holdout is None:
            return log

        def write() -> Any:
            return tf.tensor_scatter_nd_update(log, [[number]], [self._on_holdout(step)])

        if self.evaluate_every == 1:
            return write()
        due = tf.logical_or((number + 1) % self.evaluate_every == 0, number + 1 >= epochs)
        return tf.cond(due, write, lambda: log)

    def _on_holdout(self, step: Any) -> Any:
        """The total and terms over the holdout, slice by slice."""
        assert self._holdout is not None
        size = min(self._holdout_rows, _EVALUATION_ROWS)
        full, rest = divmod(self._holdout_rows, size)

        def values(start: Any, count: int) -> Any:
            batch = {
                n: tf.slice(c, [start, *[0] * (c.shape.rank - 1)], [count, *c.shape[1:]])
                for n, c in self._holdout.items()
            }
            total, terms = self.measure(batch, step, training=False)
            return tf.concat([[total], terms], 0) * count

        if full == 1:
            sums = values(tf.constant(0), size)
        else:
            _, sums = tf.while_loop(
                lambda number, _: number < full,
                lambda number, sums: (number + 1, sums + values(number * size, size)),
                (tf.constant(0), tf.zeros(1 + len(self.measure.names))),
                parallel_iterations=1,
            )
        if rest:
            sums += values(tf.constant(full * size), rest)
        return sums / self._holdout_rows


def _first_bad(step: Any, values: Any) -> tuple[int, np.ndarray] | None:
    return None if int(step) == _NEVER else (int(step), values.numpy())


def _choose(compile: Compile, work: int | None) -> str:
    """XLA costs a second or two to compile, and then saves about 0.2 ms a step on small networks."""
    if compile != "auto":
        return compile
    return "xla" if work is None or work > 2_000 else "graph"
