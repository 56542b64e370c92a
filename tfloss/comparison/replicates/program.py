"""Replicates of one training as the leading axis of one compiled program.

Every weight has the shape (replicates, …) and every batch holds each replicate's own rows. The
train step, the loop over epochs and the evaluation are those of a training alone: `StackedLoss`
maps them over the replicates. A Keras optimizer that treats each weight by itself does not notice
the axis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from tfloss.comparison.replicates.stacked_loss import StackedLoss, WeightedLoss
from tfloss.comparison.replicates.stopped import StoppedReplicates
from tfloss.lazy import tf
from tfloss.training.gradient_norms import TermGradients, some_batches
from tfloss.training.loop.in_memory import Engine
from tfloss.training.program.batch import Batch
from tfloss.training.program.evaluate import LogitEvaluation
from tfloss.training.program.step import TrainState, values_and_gradients


class Replicates(Engine):
    """Trains R students of one architecture at once.

    Args:
        loss: of one student. Its own variables are not changed.
        optimizer: a Keras optimizer that treats each weight by itself, not yet built.
        train: columns, (R, rows, …), as `stacked_columns` makes them.
        holdout: the same for the holdout; None without one.
        batch_size: rows per step.
        rows: how many an epoch goes over, repeated ones counted; default: all once.
        compile: 'xla' or 'graph'.

    Attributes:
        stacked: the variables of all replicates, (R, …) each, in the order of `loss.variables`;
            those of one student until `start_from` is called.
        stopped: which replicates stopped being finite, and when.
    """

    forward: StackedLoss

    def __init__(
        self,
        loss: WeightedLoss,
        optimizer: Any,
        train: Batch,
        holdout: Batch | None = None,
        *,
        batch_size: int,
        rows: int | None = None,
        compile: str = "xla",
    ) -> None:
        self.count, self._own = train.tensors["inputs"].shape[:2]
        self.lead = (self.count,)
        columns = train.map(tf.constant)
        loss.build(columns.map(lambda column: column[0]).rows(0, 1))
        super().__init__(
            StackedLoss(loss, self.count),  # type: ignore[arg-type]
            optimizer,
            columns.map(lambda column: tf.reshape(column, [-1, *column.shape[2:]])),
            batch_size=min(batch_size, self._own),
            rows=self._own if rows is None else rows,
            compile="graph" if compile == "graph" else "xla",
        )
        self.stopped = StoppedReplicates(self)
        self._loss = loss
        self._columns = columns
        self._holdout_columns = None if holdout is None else holdout.map(tf.constant)
        self._fresh = [variable.numpy() for variable in optimizer.variables]
        # Partial functions, since TensorFlow warns of retracing by a function's code, and each of
        # many programs is traced once.
        self._program = tf.function(
            partial(self._chunk, step_fn=self.train_step),
            jit_compile=compile != "graph",
            autograph=False,
        )
        # Evaluations are few and large: XLA would take longer to compile them than it saves.
        self._evaluate_holdout = tf.function(partial(self._on_holdout), autograph=False)

    @property
    def stacked(self) -> list[Any]:
        return self.forward.variables

    @property
    def names(self) -> tuple[str, ...]:
        return self.forward.names

    def start_from(
        self, weights: Sequence[np.ndarray], coefficients: np.ndarray | None = None
    ) -> None:
        """Begin a training.

        Args:
            weights: of all replicates, (R, …) each, in the order of `stacked`: those of the
                students, then those of the losses.
            coefficients: (R, terms) what each replicate's terms are multiplied by; default: 1.
        """
        full = np.ones((self.count, len(self.names)), np.float32)
        if coefficients is not None:
            full[:, : coefficients.shape[1]] = coefficients
        for variable, values in zip(self.stacked, [*weights, full], strict=True):
            variable.assign(values)
        for variable, values in zip(self.optimizer.variables, self._fresh, strict=True):
            variable.assign(values)
        self.stopped.forget()

    def traced(self, epochs: int) -> Callable[[], object]:
        """Trace what `train_chunk` needs for an order of so many epochs.

        Returns:
            what compiles the program. It may be called in another thread: tracing is Python's work
            and holds its lock, compiling is XLA's and does not.
        """
        nothing: tuple[Any, ...] = (
            tf.zeros((epochs, self.count, self.rows), tf.int32),
            tf.constant(0),
            tf.constant(0),
            self._train,
            [],
        )
        self._program.get_concrete_function(*nothing)
        return lambda: self._program(*nothing)

    def trace_evaluation(self) -> None:
        """Trace what `evaluation` needs."""
        if self._holdout_columns is not None:
            self._evaluate_holdout.get_concrete_function(self._weights(), tf.constant(0))

    def train_chunk(
        self, order: np.ndarray, first_step: int, *, epochs: int | None = None
    ) -> np.ndarray:
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
        before = self.snapshot()
        arguments = (np.asarray(order, np.int32), np.int32(count), np.int32(first_step))
        log, _, state = self._program(*map(tf.constant, arguments), self._train, [])
        self.stopped.notice(TrainState(*state), before)
        return self.stopped.masked_log(log.numpy()[:count], first_step)

    def evaluation(self, step: int) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
        """An evaluation on the holdout with the weights that there are now.

        Returns:
            what carries it out, in any thread, while the training goes on: the total and terms,
            (R, 1 + terms), and the logits, (R, rows, k); NaN for replicates that have stopped.
        """
        weights, stopped = self._weights(), self.stopped.mask

        def evaluate() -> tuple[np.ndarray, np.ndarray]:
            found = self._evaluate_holdout(weights, tf.constant(step))
            values, logits = (one.numpy() for one in found)
            values[stopped], logits[stopped] = np.nan, np.nan
            return values, logits

        return evaluate

    def state(self) -> dict[str, np.ndarray]:
        """Everything that a step changes, to be saved."""
        values = {f"value{at}": value.numpy() for at, value in enumerate(self.snapshot())}
        return {**values, "bad_steps": self.stopped.bad_steps}

    def load(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on where `state` was taken."""
        self.stopped.bad_steps = state["bad_steps"]
        self.restore([state[f"value{at}"] for at in range(len(state) - 1)])

    def _weights(self) -> list[Any]:
        """The values of `stacked`, as tensors; see `snapshot`."""
        return self.snapshot()[: len(self.stacked)]

    def term_gradients(self, places: np.ndarray, step: int) -> np.ndarray:
        """The norm of each weighted term's gradient, (len(places), terms); see `TermGradients`."""
        ask = TermGradients(self._loss)
        found = np.zeros((len(places), len(self.names)))
        # Slicing in numpy: TensorFlow would take longer for a slice than for the gradients.
        train = self._columns.map(lambda column: column.numpy())
        stacked = [variable.numpy() for variable in self.stacked]
        for row, place in enumerate(places):
            columns = train.with_leaves([column[place] for column in train.leaves()])
            weights = [values[place] for values in stacked]
            found[row] = ask(weights, some_batches(columns, self.batch_size), step)
        return found

    # -- the program -----------------------------------------------------------------------------

    def gradients(self, batch: Batch, step: Any) -> tuple[Any, list[Any]]:
        """Those of a training alone, of every replicate."""
        one = self._loss

        def gradients_of_one(leaves: Any) -> Any:
            variables = one.trainable_variables
            values, found = values_and_gradients(one, variables, batch.with_leaves(leaves), step)
            # A map returns tensors: no None, and no slices of an embedding.
            return values, [
                tf.zeros(variable.shape) if gradient is None else tf.convert_to_tensor(gradient)
                for gradient, variable in zip(found, variables, strict=True)
            ]

        return self.forward.mapped(gradients_of_one, batch.leaves(), changes=True)

    def _gathered(self, order: Any, rows: list[Any]) -> Batch:
        """Each replicate's rows, (…, R, rows), of the columns that lie one after the other."""
        first = tf.range(self.count)[:, None] * self._own
        return super()._gathered(order + first, rows)

    def _on_holdout(self, weights: Any, step: Any) -> Any:
        """The values on the holdout, and its logits."""
        holdout = self._holdout_columns
        assert holdout is not None

        def on_one(leaves: Any) -> Any:
            layout = holdout.with_leaves(leaves)
            return LogitEvaluation(self._loss, layout)(step, leaves)

        return self.forward.mapped(on_one, holdout.leaves(), weights=weights)
