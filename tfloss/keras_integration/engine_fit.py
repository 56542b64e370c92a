"""Keras' `fit` of an attached model as one compiled program: the same history, sooner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfloss.keras_integration.array_dataset import KerasOrder, Rows
from tfloss.lazy import keras, tf
from tfloss.training.loop.callbacks import Callbacks
from tfloss.training.loop.in_memory import ChunkLog, Engine
from tfloss.training.loop.nan_guard import Guard
from tfloss.training.loop.train_loop import chunk_batches, epochs_per_chunk
from tfloss.training.options import Compile, OnNan
from tfloss.training.program.compiler import Compiled
from tfloss.training.program.evaluate import Evaluation
from tfloss.training.program.forward import MODEL_TERM
from tfloss.training.program.step import Care


class AttachedMeasure:
    """An attached model as the engine sees it: from a batch to the total and each term.

    Args:
        model: the attached model.
        rows: of the training, whose structure all batches have.
    """

    def __init__(self, model: Any, rows: Rows) -> None:
        self._model = model
        self._rows = rows
        self.objective = model.objective
        self.names = self._names()
        self.trainable_variables = model.trainable_variables
        self.weights = model.variables
        self.variables = [*model.variables, *model.metrics_variables]

    def _names(self) -> tuple[str, ...]:
        """The terms; what the model adds of its own is known once it has been traced."""
        if not self._model.model.built:
            self._model(self._rows.unpacked(self._rows.slice(0, 1).packed())[0])
        few = {n: tf.TensorSpec([None, *t.shape[1:]], t.dtype) for n, t in self._packed_few()}
        found: list[tuple[str, ...]] = []

        def look(batch: Any) -> None:
            x, y, weight = self._rows.unpacked(batch)
            outputs = self._model.evaluated(x, y, weight, True)[0]
            self._model.update_metrics(y, outputs, weight)  # they make their variables
            found.append(self._model.logged_terms)

        tf.function(look, autograph=False).get_concrete_function(few)
        return found[-1]

    def _packed_few(self) -> Any:
        return self._rows.slice(0, 1).packed().items()

    def terms(self, batch: Any, step: Any, *, training: bool) -> list[Any]:
        """Each term, a scalar float32, apart from the others."""
        del step
        found: list[Any] = self._model.evaluated(*self._rows.unpacked(batch), training)[2]
        return found

    def __call__(self, batch: Any, step: Any, *, training: bool) -> tuple[Any, Any]:
        """The total, a scalar, and the terms, (len(names),), both float32."""
        del step  # an attached model counts its optimizer's
        x, y, weight = self._rows.unpacked(batch)
        outputs, total, terms, _ = self._model.evaluated(x, y, weight, training)
        self._model.update_metrics(y, outputs, weight)
        return total, tf.stack(terms)


class FastFit:
    """One training of an attached model by the engine.

    Args:
        model: attached and compiled.
        train: rows to train on.
        holdout: rows to evaluate on after every epoch, or None.
        batch_size: rows per step.
        validation_batch_size: rows per evaluated batch.
        shuffle: as in Keras.
        epochs: to where the counting goes.
        initial_epoch: from where.
        callbacks: Keras callbacks.
        compile: see `tfloss.training.loop.in_memory`.
        on_nan: see `tfloss.training.loop.nan_guard`.
    """

    def __init__(
        self,
        model: Any,
        train: Rows,
        holdout: Rows | None,
        *,
        batch_size: int,
        validation_batch_size: int,
        shuffle: bool,
        epochs: int,
        initial_epoch: int,
        callbacks: Sequence[Any],
        compile: Compile,
        on_nan: OnNan = "stop",
    ) -> None:
        self._model = model
        self._epochs, self._done = epochs, initial_epoch
        self._order = KerasOrder(len(train), batch_size, shuffle=shuffle)
        model.tell_steps_per_epoch(self._order.steps_per_epoch)
        measure: Any = AttachedMeasure(model, train)
        self._history = keras.callbacks.History()
        steps = self._order.steps_per_epoch
        params = {"epochs": epochs, "steps": steps, "verbose": 0}
        watching = [*callbacks, self._history] if callbacks else []  # last, as in Keras
        self._called = Callbacks(watching, model, model.optimizer, **params)
        self._history.set_params(params)
        # Metrics have one state for training and evaluation, which are then programs of their own.
        apart = model.has_metrics or self._called.see_test_batches
        self._engine = Engine(
            measure,
            model.optimizer,
            train,  # type: ignore[arg-type]  # packed as Columns are
            None if apart else holdout,  # type: ignore[arg-type]
            batch_size=batch_size,
            evaluated_rows=validation_batch_size,
            compile=compile,
            work=(epochs - initial_epoch) * self._order.steps_per_epoch,
        )
        self._guard = Guard(self._engine, on_nan)
        self._holdout = holdout
        self._rows_at_once = validation_batch_size
        self._evaluation: Compiled | None = None
        if apart and holdout is not None and not self._called.see_test_batches:
            evaluation = Evaluation(measure, holdout, validation_batch_size)  # type: ignore[arg-type]
            self._evaluation = Compiled(evaluation, "graph", progress=lambda: 0)
        self._stop_often = apart or self._called.see_epochs

    def run(self) -> Any:
        """Train; returns the `keras.callbacks.History` that Keras' `fit` returns.

        Raises:
            NumericsError: the loss or a weight stopped being finite.
        """
        model, called = self._model, self._called
        self._history.set_model(model)
        self._history.on_train_begin()
        model.stop_training = False
        called.on_train_begin()
        while self._done < self._epochs and not model.stop_training:
            called.on_epoch_begin(self._done)
            for logs in self._chunk():
                called.on_epoch_end(self._done, logs)  # with callbacks, a chunk is an epoch
                if not called.see_epochs:
                    self._history.on_epoch_end(self._done, logs)
                self._done += 1
        self._engine.finish()
        called.on_train_end()
        model.history = self._history
        return self._history

    def _chunk(self) -> list[dict[str, float]]:
        """Train some epochs in one call; the logs of each."""
        engine, model = self._engine, self._model
        size = 1 if self._stop_often else epochs_per_chunk(engine, self._epochs)
        count = min(size, self._epochs - self._done)
        first = int(model.optimizer.iterations.numpy())
        order = self._order.epochs(size)
        watched = self._called.see_batches

        def run(care: Care | None) -> ChunkLog:
            model.reset_metrics()
            if watched:
                return engine.run_watched(order[0], first, self._called, care=care or "stop")
            return engine.run(order, first, epochs=count, care=care)

        log = self._guard(run, chunk_batches(engine, order, first), watched=watched)
        rows = [self._named(values) for values in log.train]
        rows[-1] |= self._metrics()
        rows = [_in_order(logs) for logs in rows]
        for logs, values in zip(rows, self._evaluated(log), strict=False):
            logs |= {f"val_{name}": value for name, value in _in_order(values).items()}
        return rows

    def _evaluated(self, log: ChunkLog) -> list[dict[str, float]]:
        """What the holdout has to say after each epoch of a chunk."""
        if self._holdout is None:
            return []
        if self._called.see_test_batches:
            return [self._by_keras(self._holdout)]
        self._called.on_test_begin()
        if log.holdout is not None:
            found = [self._named(values) for values in log.holdout]
        else:
            assert self._evaluation is not None
            self._model.reset_metrics()
            values = self._evaluation(self._model.optimizer.iterations).numpy()
            found = [self._named(values) | self._metrics()]
        self._called.on_test_end(found[-1])
        return found

    def _by_keras(self, holdout: Rows) -> dict[str, float]:
        """Keras' own evaluation, for callbacks that look at its batches."""
        x, y, weight = holdout.arrays
        logs: dict[str, float] = self._model.evaluate(
            x,
            y,
            sample_weight=weight,
            batch_size=self._rows_at_once,
            callbacks=self._called.list,
            verbose=0,
            return_dict=True,
        )
        return logs

    def _named(self, values: np.ndarray) -> dict[str, float]:
        names = ("loss", *self._engine.measure.names)
        return dict(zip(names, map(float, values), strict=True))

    def _metrics(self) -> dict[str, float]:
        results = self._model.get_metrics_result()
        told = {"loss", MODEL_TERM, *self._engine.measure.names}
        return {name: float(value) for name, value in results.items() if name not in told}


def _in_order(logs: dict[str, float]) -> dict[str, float]:
    """By name, as Keras hands them to callbacks."""
    return dict(sorted(logs.items()))
