"""Replicates of one training as the leading axis of one compiled program.

Every weight has the shape (replicates, …), every batch is gathered from that replicate's own rows,
and the student and the objective are those of a training alone: Keras reads its variables from a
stateless scope, and `tf.vectorized_map` turns the step of one replicate into the step of all. A
Keras optimizer that treats each weight by itself does not notice the axis.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tfloss.lazy import keras, tf
from tfloss.training.gradient_norms import TermGradients, some_batches
from tfloss.training.program.batch import Batch
from tfloss.training.program.forward import StudentLoss

_EVALUATION_ROWS = 4096  # per slice, as the engine evaluates a holdout


class Replicates:
    """Trains R students of one architecture at once.

    Args:
        forward: one student and the objective. Its own weights are not changed.
        optimizer: a Keras optimizer that treats each weight by itself, not yet built.
        initial: the values of `forward.variables`, (R, …) each.
        train: columns, (R, rows, …), as `stacked_columns` makes them.
        holdout: the same for the holdout; None without one.
        batch_size: rows per step.
        rows: how many an epoch goes over, repeated ones counted; default: all once.
        coefficients: (R, terms) what each replicate's terms are multiplied by; None: nothing.
        compile: 'xla' or 'graph'.

    Attributes:
        stacked: the weights of all replicates as Keras variables, in the order of `initial`.
    """

    def __init__(
        self,
        forward: StudentLoss,
        optimizer: Any,
        initial: list[np.ndarray],
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
        self.stacked = [
            keras.Variable(value, dtype=variable.dtype, trainable=variable.trainable)
            for value, variable in zip(initial, self.variables, strict=True)
        ]
        trainable = {id(variable) for variable in forward.trainable_variables}
        self._places = [i for i, v in enumerate(self.variables) if id(v) in trainable]
        self._changed = [self.stacked[place] for place in self._places]
        optimizer.build(self._changed)
        options = {"jit_compile": compile == "xla", "autograph": False}
        self._program = tf.function(self._epochs, **options)
        # Looks are few and large: compiling them with XLA would take longer than it saves.
        self._look = tf.function(self._on_rows, autograph=False)

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
            tf.zeros((epochs, self.count, self.rows), tf.int32), tf.constant(0), tf.constant(0),
        )  # fmt: skip
        self._program.get_concrete_function(*nothing)
        return lambda: self._program(*nothing)

    def trace_evaluation(self) -> None:
        """Trace what `evaluate` needs."""
        for piece in self._slices:
            self._look.get_concrete_function(piece, tf.constant(0))

    def run(self, order: np.ndarray, first_step: int, *, epochs: int | None = None) -> np.ndarray:
        """Train for some epochs.

        Args:
            order: (E, R, rows) int32, the order of each replicate's rows in each epoch.
            first_step: the number of steps already done.
            epochs: how many rows of `order` count; all unless said. One shape compiles once.

        Returns:
            (epochs, R, 1 + terms) float32: the total and each term, averaged over the epoch's rows.
        """
        count = len(order) if epochs is None else epochs
        log = self._program(tf.constant(order), tf.constant(count), tf.constant(first_step))
        return log.numpy()[:count]

    def evaluate(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """The total and terms on the holdout, (R, 1 + terms), and its logits, (R, rows, k)."""
        answers = [self._look(piece, tf.constant(step)) for piece in self._slices]
        sizes = [piece.tensors["inputs"].shape[1] for piece in self._slices]
        values = sum(v.numpy() * n for (v, _), n in zip(answers, sizes, strict=True)) / sum(sizes)
        return values, np.concatenate([logits.numpy() for _, logits in answers], axis=1)

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

    def _epochs(self, order: Any, epochs: Any, first_step: Any) -> Any:
        capacity = order.shape[0]
        log = tf.zeros((capacity, self.count, 1 + len(self.names)))

        def epoch(number: Any, step: Any, log: Any) -> Any:
            sums, step = self._epoch(order[number], step)
            return number + 1, step, tf.tensor_scatter_nd_update(log, [[number]], [sums])

        return tf.while_loop(
            lambda number, *_: number < epochs,
            epoch,
            (tf.constant(0), first_step, log),
            parallel_iterations=1,
        )[2]

    def _epoch(self, rows: Any, step: Any) -> tuple[Any, Any]:
        """One pass: the full batches in a loop, then what remains; means over the rows."""
        full, rest = divmod(self.rows, self.batch_size)

        def one(number: Any, sums: Any, step: Any) -> Any:
            start = [0, number * self.batch_size]
            batch = tf.slice(rows, start, [self.count, self.batch_size])
            return number + 1, sums + self._step(batch, step) * self.batch_size, step + 1

        state = (tf.constant(0), tf.zeros((self.count, 1 + len(self.names))), step)
        if full == 1:
            _, sums, step = one(*state)
        else:
            _, sums, step = tf.while_loop(
                lambda number, *_: number < full, one, state, parallel_iterations=1
            )
        if rest:
            values = self._step(rows[:, full * self.batch_size :], step)
            sums, step = sums + values * rest, step + 1
        return sums / self.rows, step

    def _step(self, rows: Any, step: Any) -> Any:
        """One step of every replicate; the total and terms before the update, (R, 1 + terms)."""
        batch = self._train.map(lambda column: tf.gather(column, rows, batch_dims=1))
        weights = [variable.value for variable in self.stacked]
        gradients, state, values = _mapped(
            lambda args: self._gradients(args[0], batch.with_leaves(args[1]), args[2], step),
            (weights, batch.leaves(), self._coefficients),
        )
        self.optimizer.apply(gradients, self._changed)
        changed = {id(variable) for variable in self._changed}
        for variable, value in zip(self.stacked, state, strict=True):
            if id(variable) not in changed:
                variable.assign(value)
        return values

    def _gradients(self, weights: Any, batch: Batch, coefficients: Any, step: Any) -> Any:
        """One replicate: its gradients, its variables after the step but for them, its values."""
        watched = [weights[place] for place in self._places]
        with tf.GradientTape() as tape:
            tape.watch(watched)
            values, _, scope = self._measured(weights, batch, coefficients, step, training=True)
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
    ) -> tuple[Any, Any, Any]:
        """One replicate's total and terms, (1 + terms,), its logits, and its changed variables."""
        mapping = list(zip(self.variables, weights, strict=True))
        with keras.StatelessScope(state_mapping=mapping, collect_losses=True) as scope:
            terms, outputs = self.forward.terms_and_outputs(batch, step, training=training)
        terms = tf.stack(terms) * coefficients
        total = tf.reduce_sum(terms)
        return tf.concat([[total], terms], 0), outputs["logits"], scope

    def _on_rows(self, rows: Any, step: Any) -> Any:
        """The values on a slice of the holdout, and its logits."""

        def one(args: Any) -> Any:
            weights, leaves, coefficients = args
            batch = rows.with_leaves(leaves)
            values, logits, _ = self._measured(weights, batch, coefficients, step, training=False)
            return values, tf.cast(logits, tf.float32)

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
        holdout.with_leaves([tf.constant(c[:, at : at + _EVALUATION_ROWS]) for c in leaves])
        for at in range(0, rows, _EVALUATION_ROWS)
    ]
