"""Replicates of one training as the leading axis of one compiled program.

Every weight has the shape (replicates, …), every batch is gathered from that replicate's own rows,
and the student and the objective are those of a training alone: Keras reads its variables from a
stateless scope, and `tf.vectorized_map` turns the step of one replicate into the step of all. A
Keras optimizer that treats each weight by itself does not notice the axis.

Replicates never touch each other's numbers, so one that stops being finite is only noted, at no
cost to the others: by its total at every step, by its weights at the end of every call. Nothing of
it counts from there on; the trainer knows what follows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tfloss.lazy import keras, tf
from tfloss.training.gradient_norms import TermGradients, some_batches
from tfloss.training.program.batch import Batch
from tfloss.training.program.evaluate import SLICE_ROWS
from tfloss.training.program.forward import StudentLoss
from tfloss.training.program.step import NEVER


class ReplicateState(NamedTuple):
    """What a step of all replicates passes on to the next, as tensors.

    Attributes:
        sums: (R, 1 + terms) float32: the totals and terms, summed over the epoch's rows.
        step: int32, steps done.
        bad_step: (R,) int32, the first step whose total was not finite, or `NEVER`.
    """

    sums: Any
    step: Any
    bad_step: Any


class Replicates:
    """Trains R students of one architecture at once.

    Args:
        forward: one student and the objective. Its own weights are not changed.
        optimizer: a Keras optimizer that treats each weight by itself, not yet built.
        train: columns, (R, rows, …), as `stacked_columns` makes them.
        holdout: the same for the holdout; None without one.
        batch_size: rows per step.
        rows: how many an epoch goes over, repeated ones counted; default: all once.
        coefficients: (R, terms) what each replicate's terms are multiplied by; None: nothing.
        compile: 'xla' or 'graph'.

    Attributes:
        stacked: the weights of all replicates as Keras variables, (R, …) each, in the order of
            `forward.variables`; those of one student until `start_from` is called.
        bad_steps: (R,) int32, the step at which each replicate stopped being finite, or `NEVER`.
    """

    def __init__(
        self,
        forward: StudentLoss,
        optimizer: Any,
        train: Batch,
        holdout: Batch | None = None,
        *,
        batch_size: int,
        rows: int | None = None,
        coefficients: np.ndarray | None = None,
        compile: str = "xla",
    ) -> None:
        self.forward = forward
        self.optimizer = optimizer
        self.count, own = train.tensors["inputs"].shape[:2]
        self.rows = own if rows is None else rows
        self.batch_size = min(batch_size, own)
        self.variables = forward.variables
        self._train = train.map(tf.constant)
        self._slices = _slices(holdout)
        self._coefficients = self._weighed(coefficients)
        self.bad_steps = np.full(self.count, NEVER, np.int32)
        self.stacked = [
            keras.Variable(
                np.repeat(variable.numpy()[None], self.count, axis=0),
                dtype=variable.dtype,
                trainable=variable.trainable,
            )
            for variable in self.variables
        ]
        trainable = {id(variable) for variable in forward.trainable_variables}
        self._places = [i for i, v in enumerate(self.variables) if id(v) in trainable]
        self._changed = [self.stacked[place] for place in self._places]
        optimizer.build(self._changed)
        options = {"jit_compile": compile == "xla", "autograph": False}
        self._program = tf.function(self._epochs, **options)
        # Evaluations are few and large: XLA would take longer to compile them than it saves.
        self._evaluate = tf.function(self._on_rows, autograph=False)

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.rows // self.batch_size)

    @property
    def names(self) -> tuple[str, ...]:
        return self.forward.names

    def traced(self, epochs: int) -> Callable[[], object]:
        """Trace what `run` needs for an order of so many epochs.

        Returns:
            what compiles the program. It may be called in another thread: tracing is Python's work
            and holds its lock, compiling is XLA's and does not.
        """
        nothing = (
            tf.zeros((epochs, self.count, self.rows), tf.int32),
            tf.constant(0),
            tf.constant(0),
            tf.constant(self.bad_steps),
        )
        self._program.get_concrete_function(*nothing)
        return lambda: self._program(*nothing)

    def trace_evaluation(self) -> None:
        """Trace what `evaluate` needs."""
        for piece in self._slices:
            self._evaluate.get_concrete_function(piece, tf.constant(0))

    def start_from(self, weights: Sequence[np.ndarray]) -> None:
        """Set the weights of all replicates, (R, …) each, in the order of `stacked`."""
        for variable, values in zip(self.stacked, weights, strict=True):
            variable.assign(values)

    def run(self, order: np.ndarray, first_step: int, *, epochs: int | None = None) -> np.ndarray:
        """Train for some epochs.

        Args:
            order: (E, R, rows) int32, the order of each replicate's rows in each epoch.
            first_step: the number of steps already done.
            epochs: how many rows of `order` count; default: all. One shape compiles once.

        Returns:
            (epochs, R, 1 + terms) float32: the total and each term, averaged over the epoch's rows;
            NaN from the epoch on in which a replicate stopped being finite.
        """
        count = len(order) if epochs is None else epochs
        arguments = (order, np.int32(count), np.int32(first_step), self.bad_steps)
        log, bad_steps = self._program(*map(tf.constant, arguments))
        self.bad_steps = bad_steps.numpy()
        ends = first_step + (1 + np.arange(count)) * self.steps_per_epoch
        return np.where(ends[:, None, None] > self.bad_steps[:, None], np.nan, log.numpy()[:count])

    @property
    def stopped(self) -> np.ndarray:
        """(R,) bool: which replicates stopped being finite."""
        return self.bad_steps != NEVER

    def evaluate(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """The total and terms on the holdout, (R, 1 + terms), and its logits, (R, rows, k).

        NaN for replicates that have stopped.
        """
        answers = [self._evaluate(piece, tf.constant(step)) for piece in self._slices]
        values = answers[0][0].numpy()
        if len(answers) > 1:  # each term by the examples that are there for it
            sums = sum(value[:, 1:].numpy() * count.numpy() for value, count, _ in answers)
            terms = sums / np.maximum(sum(count.numpy() for _, count, _ in answers), 1e-12)
            values = np.concatenate([terms.sum(axis=1, keepdims=True), terms], axis=1)
        logits = np.concatenate([logits.numpy() for _, _, logits in answers], axis=1)
        values[self.stopped], logits[self.stopped] = np.nan, np.nan
        return values, logits

    def term_gradients(self, places: np.ndarray, step: int) -> np.ndarray:
        """The norm of each weighted term's gradient, (len(places), terms); see `TermGradients`."""
        ask = TermGradients(self.forward)
        found = np.zeros((len(places), len(self.names)))
        # Slicing in numpy: TensorFlow would take longer for a slice than for the gradients.
        train = self._train.map(lambda column: column.numpy())
        stacked = [variable.numpy() for variable in self.stacked]
        for row, place in enumerate(places):
            columns = train.with_leaves([column[place] for column in train.leaves()])
            weights = [values[place] for values in stacked]
            found[row] = ask(weights, some_batches(columns, self.batch_size), step)
        return found * np.abs(self._coefficients.numpy()[places])

    # -- the program -----------------------------------------------------------------------------

    def _epochs(self, order: Any, epochs: Any, first_step: Any, bad_step: Any) -> Any:
        """The log of `epochs` epochs, and at which step each replicate stopped being finite."""
        log = tf.zeros((order.shape[0], self.count, 1 + len(self.names)))

        def epoch(number: Any, log: Any, *state: Any) -> tuple[Any, ...]:
            before = ReplicateState(*state)._replace(sums=tf.zeros_like(state[0]))
            after = self._epoch(order[number], before)
            log = tf.tensor_scatter_nd_update(log, [[number]], [after.sums / self.rows])
            return number + 1, log, *after

        _, log, *state = tf.while_loop(
            lambda number, *_: number < epochs,
            epoch,
            (tf.constant(0), log, tf.zeros(log.shape[1:]), first_step, bad_step),
            parallel_iterations=1,
        )
        _, step, bad_step = state
        # A weight that only the last step spoilt has not been in a total yet.
        return log, tf.minimum(bad_step, tf.where(self._finite(), NEVER, step - 1))

    def _epoch(self, rows: Any, state: ReplicateState) -> ReplicateState:
        """One pass over the rows: the full batches in a loop, then what remains."""
        full, rest = divmod(self.rows, self.batch_size)

        def one(number: Any, *state: Any) -> tuple[Any, ...]:
            start = [0, number * self.batch_size]
            batch = tf.slice(rows, start, [self.count, self.batch_size])
            return number + 1, *self._step(batch, ReplicateState(*state))

        if full == 1:
            state = self._step(rows[:, : self.batch_size], state)
        else:
            _, *after = tf.while_loop(
                lambda number, *_: number < full,
                one,
                (tf.constant(0), *state),
                parallel_iterations=1,
            )
            state = ReplicateState(*after)
        return self._step(rows[:, full * self.batch_size :], state) if rest else state

    def _step(self, rows: Any, state: ReplicateState) -> ReplicateState:
        """One step of every replicate; its values are those before the update."""
        batch = self._train.map(lambda column: tf.gather(column, rows, batch_dims=1))
        weights = [variable.value for variable in self.stacked]
        gradients, changed, values = _mapped(
            lambda args: self._gradients(args[0], batch.with_leaves(args[1]), args[2], state.step),
            (weights, batch.leaves(), self._coefficients),
        )
        self.optimizer.apply(gradients, self._changed)
        trained = {id(variable) for variable in self._changed}
        for variable, value in zip(self.stacked, changed, strict=True):
            if id(variable) not in trained:
                variable.assign(value)
        first = ~tf.math.is_finite(values[:, 0]) & (state.bad_step == NEVER)
        return ReplicateState(
            state.sums + values * rows.shape[1],
            state.step + 1,
            tf.where(first, state.step, state.bad_step),
        )

    def _finite(self) -> Any:
        """(R,) bool: whether all of a replicate's weights are."""
        fine = tf.fill([self.count], True)
        for variable in self.stacked:
            if "float" in str(variable.dtype):
                flat = tf.reshape(variable.value, [self.count, -1])
                fine &= tf.reduce_all(tf.math.is_finite(flat), axis=1)
        return fine

    def _gradients(self, weights: Any, batch: Batch, coefficients: Any, step: Any) -> Any:
        """One replicate: its gradients, its variables after the step but for them, its values."""
        watched = [weights[place] for place in self._places]
        with tf.GradientTape() as tape:
            tape.watch(watched)
            values, _, _, scope = self._measured(weights, batch, coefficients, step, training=True)
            total = values[0]
        gradients = tape.gradient(
            total, watched, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        state = [
            value if (new := scope.get_current_value(variable)) is None else new
            for variable, value in zip(self.variables, weights, strict=True)
        ]
        return gradients, state, values

    def _measured(
        self, weights: Any, batch: Any, coefficients: Any, step: Any, *, training: bool
    ) -> tuple[Any, Any, Any, Any]:
        """One replicate's total and terms, over how many examples these are, logits, variables."""
        mapping = list(zip(self.variables, weights, strict=True))
        with keras.StatelessScope(state_mapping=mapping, collect_losses=True) as scope:
            terms, counts, outputs = self.forward.measured(batch, step, training=training)
        terms = tf.stack(terms) * coefficients
        total = tf.reduce_sum(terms)
        return tf.concat([[total], terms], 0), counts, outputs["logits"], scope

    def _on_rows(self, rows: Any, step: Any) -> Any:
        """The values on a slice of the holdout, over how many examples each is, and its logits."""

        def one(args: Any) -> Any:
            weights, leaves, coefficients = args
            batch = rows.with_leaves(leaves)
            values, counts, logits, _ = self._measured(
                weights, batch, coefficients, step, training=False
            )
            return values, counts, tf.cast(logits, tf.float32)

        weights = [variable.value for variable in self.stacked]
        return _mapped(one, (weights, rows.leaves(), self._coefficients))

    def _weighed(self, coefficients: np.ndarray | None) -> Any:
        """(R, terms) float32; what the model itself adds is never multiplied."""
        full = np.ones((self.count, len(self.names)), np.float32)
        if coefficients is not None:
            full[:, : coefficients.shape[1]] = coefficients
        return tf.constant(full)


def _mapped(function: Any, arguments: Any) -> Any:
    # Without the fall-back to a loop: what cannot be vectorised is better trained one at a time.
    return tf.vectorized_map(function, arguments, fallback_to_while_loop=False, warn=False)


def _slices(holdout: Batch | None) -> list[Batch]:
    if holdout is None:
        return []
    leaves, rows = holdout.leaves(), holdout.tensors["inputs"].shape[1]
    return [
        holdout.with_leaves([tf.constant(c[:, at : at + SLICE_ROWS]) for c in leaves])
        for at in range(0, rows, SLICE_ROWS)
    ]
