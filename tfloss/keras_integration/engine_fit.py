"""Keras' `fit` of an attached model by the compiled engine: the same history, sooner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from tfloss.keras_integration.array_dataset import KerasOrder, Rows
from tfloss.lazy import keras, tf
from tfloss.student.keras_internals import batches_done
from tfloss.training.checkpoints.manager import Checkpoints
from tfloss.training.history import History
from tfloss.training.loop.array_source import ArraySource
from tfloss.training.loop.callbacks import Callbacks
from tfloss.training.loop.in_memory import Engine
from tfloss.training.loop.nan_guard import NanGuard
from tfloss.training.loop.source import Chunk, Segment
from tfloss.training.loop.train_loop import train
from tfloss.training.options import Compile, OnNan
from tfloss.training.program.batch import Batch
from tfloss.training.program.chunk_log import ChunkLog
from tfloss.training.program.compiler import Compiled
from tfloss.training.program.evaluate import Evaluation
from tfloss.training.program.forward import MODEL_TERM
from tfloss.training.program.program_cache import Same, cache_of, key_of_model
from tfloss.training.program.replication import Replication, Share
from tfloss.training.program.step import NanPolicy, TrainState


class AttachedLoss:
    """The `ForwardLoss` of an attached model.

    Args:
        model: the attached model.
        rows: of the training, whose structure all batches have.

    Attributes:
        names: the terms; what the model adds of its own is known once it has been traced.
        metric_names: of the metrics that the model was compiled with.
    """

    def __init__(self, model: Any, rows: Rows) -> None:
        self._model = model
        self.network = model.model
        self._rows = rows.one()
        self.names = self._traced_names()
        told = {"loss", MODEL_TERM, *self.names}
        self.metric_names = tuple(n for n in model.get_metrics_result() if n not in told)
        losses = model.objective
        self.trainable_variables = _each_once(
            [*model.trainable_variables, *losses.trainable_variables]
        )
        self.weights = _each_once([*model.variables, *losses.trainable_variables])
        self.variables = _each_once(
            [*model.variables, *losses.variables.values(), *model.metrics_variables]
        )

    def _traced_names(self) -> tuple[str, ...]:
        row = self._rows.slice(0, 1).as_tensors()
        if not self._model.model.built:
            self._model(self._rows.unpacked(row)[0])
        if self._model.objective.states:  # a first look at the data makes the losses' variables
            self._model.evaluated(*self._rows.unpacked(row), False)
        few = row.map(lambda part: tf.TensorSpec([None, *part.shape[1:]], part.dtype))
        found: list[tuple[str, ...]] = []

        def look(leaves: Any) -> None:
            x, y, weight = self._rows.unpacked(few.with_leaves(leaves))
            outputs = self._model.evaluated(x, y, weight, True)[0]
            self._model.update_metrics(y, outputs, weight)  # they make their variables
            found.append(self._model.logged_terms)

        tf.function(look, autograph=False).get_concrete_function(few.leaves())
        return found[-1]

    def build(self, row: Batch) -> None:
        """All variables exist already."""

    def terms(self, batch: Batch, step: Any, *, training: bool) -> list[Any]:
        del step
        found: list[Any] = self._model.evaluated(*self._rows.unpacked(batch), training)[2]
        return found

    def total(self, values: Sequence[Any]) -> Any:
        return self._model.objective.total(values)

    def counted(self, batch: Batch, step: Any) -> tuple[Any, Any]:
        del step
        x, y, weight = self._rows.unpacked(batch)
        outputs, _, terms, rows = self._model.evaluated(x, y, weight, False)
        self._model.update_metrics(y, outputs, weight)
        return tf.stack(terms), tf.stack(self._model.counts_of(terms, rows))

    def __call__(
        self, batch: Batch, step: Any, *, training: bool, share: Share | None = None
    ) -> tuple[Any, Any]:
        del step  # an attached model counts its optimizer's
        x, y, weight = self._rows.unpacked(batch if share is None else share.own(batch))
        outputs, total, terms, _ = self._model.evaluated(x, y, weight, training, share)
        self._model.update_metrics(y, outputs, weight)
        return total, tf.stack(terms)


class KerasSource(ArraySource):
    """The rows of a Keras `fit`: with its order, its metrics, and its way to evaluate.

    Args:
        engine: the compiled program.
        order: Keras' own.
        model: attached and compiled.
        forward: its loss.
        holdout: rows to evaluate apart from the program; None: it evaluates them, or nobody does.
        evaluation: the program that does; None: Keras does.
        rows_at_once: of the holdout.
        callbacks: which are notified of the evaluation.
    """

    def __init__(
        self,
        engine: Engine,
        order: KerasOrder,
        *,
        model: Any,
        forward: AttachedLoss,
        holdout: Rows | None,
        evaluation: Compiled | None,
        rows_at_once: int,
        callbacks: Callbacks,
    ) -> None:
        super().__init__(engine, order)
        self._keras_order = order
        self._model, self._forward, self._called = model, forward, callbacks
        self._holdout, self._rows_at_once = holdout, rows_at_once
        self._program = evaluation
        self._held_out: list[Any] = []
        if holdout is not None and evaluation is not None:
            self._held_out = holdout.as_tensors().leaves()

    def begin(self, done: int, state: Mapping[str, np.ndarray], max_steps: int | None) -> None:
        super().begin(done, state, max_steps)
        if not state:
            return
        self._keras_order.load(state)
        if "epoch" in state:  # which is under way
            self._latest = int(state["epoch"]), state["order"]

    def state(self) -> dict[str, np.ndarray]:
        state = self._keras_order.state()
        if self._latest is not None:
            state |= {"epoch": np.array(self._latest[0]), "order": self._latest[1]}
        return state

    def chunk(self, epoch: int, epochs: int, *, single: bool) -> Chunk | None:
        apart = self._holdout is not None or bool(self._forward.metric_names)
        chunk = super().chunk(epoch, epochs, single=single or apart)
        if chunk is None:
            return None

        def run(policy: NanPolicy | None) -> ChunkLog:
            self._model.reset_metrics()
            return chunk.run(policy)

        return Chunk(run, chunk.batch_of)

    def segment(self, epoch: int, done: int, state: TrainState, limit: int | None) -> Segment:
        segment = super().segment(epoch, done, state, limit)

        def run(policy: NanPolicy | None) -> TrainState:
            if done == 0:
                self._model.reset_metrics()
            return segment.run(policy)

        return Segment(run, segment.batch_of)

    def metrics(self) -> np.ndarray:
        results = self._model.get_metrics_result()
        return np.array([float(results[n]) for n in self._forward.metric_names], np.float32)

    def evaluated(self, log: ChunkLog, step: int) -> ChunkLog:
        metrics = self.metrics()[None]
        if len(self._forward.metric_names):
            log = replace(log, train=np.concatenate([log.train, metrics], axis=1))
        if self._holdout is None:
            return super().evaluated(log, step)
        return replace(log, holdout=self._apart(self._holdout)[None])

    def _apart(self, holdout: Rows) -> np.ndarray:
        """(1 + terms + metrics,) of the holdout, evaluated as callbacks expect it."""
        if self._program is None:
            return self._by_keras(holdout)
        self._called.on_test_begin()
        self._model.reset_metrics()
        values = self._program(batches_done(self._model.optimizer), self._held_out).numpy()
        values = np.concatenate([values, self.metrics()])
        self._called.on_test_end(self._named(values))
        return values

    def _by_keras(self, holdout: Rows) -> np.ndarray:
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
        return np.array([logs[name] for name in self._named(())], np.float32)

    def _named(self, values: Any) -> dict[str, float]:
        names = ("loss", *self._forward.names, *self._forward.metric_names)
        return dict.fromkeys(names, 0.0) | dict(zip(names, map(float, values), strict=False))


class _Programs(NamedTuple):
    """What is kept of a training."""

    forward: AttachedLoss
    engines: dict[tuple[bool, str], Engine]  # by whether the holdout is evaluated apart, and how
    evaluations: list[Compiled]


class KeptAttached:
    """The programs of an attached model, made or taken from those that are kept at it.

    Args:
        model: attached and compiled.
        train, holdout: the rows.
        batch_size: rows per step.
        rows_at_once: of the holdout.
        replication: how a step is spread over replicas; default: one device.
    """

    def __init__(
        self,
        model: Any,
        train: Rows,
        holdout: Rows | None,
        *,
        batch_size: int,
        rows_at_once: int,
        replication: Replication | None = None,
    ) -> None:
        self._model, self._size, self._rows_at_once = model, batch_size, rows_at_once
        self._replication = replication
        self._train = train.as_tensors()
        self._holdout = None if holdout is None else holdout.as_tensors()
        layouts = [part and part.specs() for part in (self._train, self._holdout)]
        structures = [part and part.structure for part in (train, holdout)]
        self._data = (structures, layouts, batch_size, rows_at_once, replication)
        found: _Programs | None = cache_of(model).take(self._key())
        self._programs = found or _Programs(AttachedLoss(model, train), {}, [])

    @property
    def forward(self) -> AttachedLoss:
        """The loss."""
        return self._programs.forward

    def engine(self, *, apart: bool, compile: Compile, work: int, before: str | None) -> Engine:
        """Those that train.

        Args:
            apart: whether the holdout is evaluated by a program of its own, or by Keras.
            compile, work, before: see `Engine`.
        """
        engines, holdout = self._programs.engines, None if apart else self._holdout
        for (own, how), engine in engines.items():
            if own == apart and engine.chosen(compile, work, before).compiled_as == how:
                engine.choice = engine.chosen(compile, work, before)
                engine.take_data(self._train, holdout)
                return engine
        made = Engine(
            self.forward,
            self._model.optimizer,
            self._train,
            holdout,
            batch_size=self._size,
            evaluated_rows=self._rows_at_once,
            compile=compile,
            work=work,
            before=before,
            replication=self._replication,
        )
        engines[apart, made.choice.compiled_as] = made
        return made

    def evaluation(self, by_keras: bool) -> Compiled | None:
        """The program that evaluates a holdout apart; None without one, or where Keras does it."""
        if self._holdout is None or by_keras:
            return None
        if not self._programs.evaluations:
            evaluate = Evaluation(self.forward, self._holdout.specs(), self._rows_at_once)
            self._programs.evaluations.append(Compiled(evaluate, "graph", progress=lambda: 0))
        return self._programs.evaluations[0]

    def release(self) -> None:
        """Keep the programs for the next training."""
        for engine in self._programs.engines.values():
            engine.release_data()
        cache_of(self._model).keep(self._key(), self._programs)

    def _key(self) -> Any:
        """As it is after the first look at the data, which makes the variables of metrics."""
        model = self._model
        losses = list(model.objective.variables.values()) if model.built else []
        return (
            self._data,
            key_of_model(model.model, model.trainable_variables),
            [Same(one) for one in (*losses, *model.metrics_variables, *model.teachers.values())],
            Same(model.optimizer),
        )


class EngineFit:
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
        compile: see `tfloss.training.program.choose_compiler`.
        before: how the checkpoint was compiled that the training goes on from.
        on_nan: see `tfloss.training.loop.nan_guard`.
        replication: how a step is spread over replicas; default: one device.

    Attributes:
        callbacks: those of Keras.
        compiled_as: how the training is to be compiled.
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
        before: str | None = None,
        on_nan: OnNan = "stop",
        replication: Replication | None = None,
    ) -> None:
        self._model = model
        self._epochs, self._initial_epoch = epochs, initial_epoch
        agreed = {}
        if replication is not None and replication.has_workers:
            agreed = {"agreed": replication.of_the_first}
        order = KerasOrder(len(train), batch_size, shuffle=shuffle, **agreed)
        model.tell_steps_per_epoch(order.steps_per_epoch)
        self._kept = KeptAttached(
            model,
            train,
            holdout,
            batch_size=batch_size,
            rows_at_once=validation_batch_size,
            replication=replication,
        )
        forward = self._kept.forward
        self._names = (*forward.names, *forward.metric_names)
        own = [one for one in callbacks if isinstance(one, keras.callbacks.History)]
        self._history = own[-1] if own else keras.callbacks.History()
        params = {"epochs": epochs, "steps": order.steps_per_epoch, "verbose": 0}
        watching = list(callbacks)
        if watching and not own:
            watching.append(self._history)  # last, as in Keras
        self.callbacks = Callbacks(watching, model, model.optimizer, **params)
        self._history.set_params(params)
        # Metrics have one state for training and evaluation, which are then programs of their own;
        # and callbacks can change the weights for the evaluation.
        apart = bool(forward.metric_names) or self.callbacks.see_tests
        work = (epochs - initial_epoch) * order.steps_per_epoch
        engine = self._kept.engine(apart=apart, compile=compile, work=work, before=before)
        self.compiled_as = engine.choice.compiled_as
        self._guard = NanGuard(engine, on_nan)
        self._source = KerasSource(
            engine,
            order,
            model=model,
            forward=forward,
            holdout=holdout if apart else None,
            evaluation=self._kept.evaluation(self.callbacks.see_test_batches) if apart else None,
            rows_at_once=validation_batch_size,
            callbacks=self.callbacks,
        )

    def run(self, checkpoints: Checkpoints | None = None) -> Any:
        """Train; returns the `keras.callbacks.History` that Keras' `fit` returns.

        Args:
            checkpoints: where they are saved, and where the training begins.

        Raises:
            Interrupted: Ctrl-C or SIGTERM came; the last checkpoint holds everything.
            NumericsError: the loss or a weight stopped being finite.
        """
        model = self._model
        self._history.set_model(model)
        self._history.on_train_begin()
        model.history = self._history
        model.stop_training = False
        history = train(
            self._source,
            self._epochs,
            callbacks=self.callbacks,
            history=History(self._names, self._source.step.steps_per_epoch),
            checkpoints=checkpoints,
            guard=self._guard,
            initial_epoch=self._initial_epoch,
        )
        if not self.callbacks.see_epochs:
            for epoch in history:
                self._history.on_epoch_end(epoch.number - 1, epoch.as_logs())
        self._kept.release()
        return self._history


def _each_once(variables: list[Any]) -> list[Any]:
    return list({id(variable): variable for variable in variables}.values())
