"""NaN kept out of the weights while Keras' own `fit` trains.

A step that is not finite is undone (`undo_step`); what follows from it, on the host, is the
engine's `NanGuard`: the same words, rows and warnings.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from tfloss.errors import NumericsError, UsageError
from tfloss.keras_integration.bad_batch import BatchForward, batch_of
from tfloss.keras_integration.undo_step import (
    Logs,
    Taken,
    UndoAfterCall,
    UndoInProgram,
    UndoStep,
    Update,
    changed_by,
)
from tfloss.lazy import keras, tf
from tfloss.student.keras_internals import batches_done, rate_is_a_schedule
from tfloss.training.loop.nan_guard import NanGuard, rate_of
from tfloss.training.options import ON_NAN, OnNan, one_of
from tfloss.training.program.chunk_log import ChunkLog
from tfloss.training.program.step import TrainStep, are_finite

_STEPS_BACK = 16  # at most so far goes a lower learning rate back
_NO_END = 2**31  # steps in an epoch that nobody can count


class GuardedSteps:
    """Stands around the train steps of one attached model.

    Args:
        model: the attached model.
        on_nan: 'stop', 'skip' or 'lower'; see `tfloss.attach`.

    Attributes:
        arrays: what `fit` was given, to say which of its rows are at fault; None for other data.

    Raises:
        UsageError: a word that is none of these.
    """

    def __init__(self, model: Any, on_nan: OnNan) -> None:
        one_of("on_nan", on_nan, ON_NAN)
        self.on_nan = on_nan
        self.arrays: Any = None
        self._model = model
        self._function: Callable[[Any], Any] = iter
        self._guard: NanGuard | None = None
        self._forward: BatchForward | None = None
        self._steps: TrainStep | None = None
        self._steps_per_epoch = _NO_END
        self._prepared = False
        self._calls = False  # whether the program is being called, and traced where it is new
        self._since: list[Any] = []  # batches since `_start`
        self._start: list[Any] = []
        self._epoch_at = -1  # which of them begins an epoch
        self._undo: UndoStep | None = None
        self._taken = Taken(0, None, None)  # by the last call
        self._nothing: Any = None  # tf.Variable, steps, and those in which each term had nothing

    # -- in the program --------------------------------------------------------------------------

    def step(self, update: Update, logs: Logs, batch: Any) -> dict[str, Any]:
        """Trace a step that can be undone where it is not finite.

        Args:
            update: changes the weights; returns (1 + terms,) float32, the total and the terms.
            logs: what is logged after it.
            batch: what it is about, to name its rows.

        Returns:
            what the program has to answer.
        """
        if not self._calls:
            update()  # replicas are checked from outside; whoever calls a step himself, as well
            return logs()
        assert self._undo is not None
        answers = self._undo.step(update, logs, batch)
        self._note_nothing()
        return answers

    def _note_nothing(self) -> None:
        """Count the steps, and those in which a term had nothing to count."""
        counts = self._model.term_counts
        if any(count is not None for count in counts):
            empty = [0 if c is None else tf.cast(tf.equal(c, 0), tf.int32) for c in counts]
            rest = self._nothing.shape[0] - 1 - len(empty)
            self._nothing.assign_add(tf.stack([1, *empty, *[0] * rest]))

    def warn_of_nothing(self) -> None:
        """Warn, at the end of an epoch, of terms for which nothing was there in some steps."""
        if self._nothing is None:
            return
        steps, *empty = self._nothing.numpy()
        self._nothing.assign(tf.zeros_like(self._nothing))
        for name, count in zip(self._model.term_names, empty, strict=False):
            if count:
                warnings.warn(
                    f"In this epoch the term '{name}' counted nothing in {count} of {steps} steps: "
                    f"all that it needs was missing there; take larger batches, or shuffle.",
                    stacklevel=2,
                )

    # -- around it -------------------------------------------------------------------------------

    def around(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Keras' compiled train function, guarded."""
        self._check()
        self._function, self._prepared = function, False
        if self._several_devices:
            return lambda iterator: self._from_outside(lambda: function(iterator))

        def guarded(iterator: Any) -> Any:
            if hasattr(iterator, "element_spec"):
                self._prepare(lambda: iterator.element_spec)
                return self._run(lambda: function(iterator))
            first = next(iterator)
            self._prepare(lambda: first)
            return self._run(lambda: function(chain([first], iterator)))

        return guarded

    def _check(self) -> None:
        if self.on_nan == "lower" and rate_is_a_schedule(self._model.optimizer):
            raise UsageError(
                "on_nan='lower' needs a learning rate that is a number; this optimizer has a "
                "schedule."
            )
        if self.on_nan == "lower" and self._model.steps_per_execution != 1:
            raise UsageError(
                "on_nan='lower' repeats steps, so it needs steps_per_execution=1 in compile."
            )
        if self.on_nan != "stop" and self._several_devices:
            raise UsageError(
                f"On several devices only on_nan='stop' is there, not '{self.on_nan}'."
            )

    def _prepare(self, batch: Callable[[], Any]) -> None:
        """Make every variable before the step is traced, which has to know them all."""
        if self._prepared:
            return
        model = self._model
        if self._nothing is None:
            width = 1 + len(model.term_trackers)
            self._nothing = tf.Variable(np.zeros(width, np.int32), trainable=False)
        model.make_variables(batch)
        if model.steps_per_execution > 1 or model.jit_compile:
            self._undo = UndoInProgram(model, skips=self.on_nan == "skip")
        else:
            self._undo = UndoAfterCall(model, gives_batch=self.on_nan == "lower")
        self._prepared = True

    def _run(self, call: Callable[[], Any]) -> Any:
        """Take the steps of one call, and handle what was not finite in them."""
        if self.on_nan == "lower":
            self._begin_chunk()
        logs = self._once(call)
        if self.on_nan == "lower":
            self._since.append(self._taken.batch)
        if not self._taken.rolled_back and (self._guard is None or not self._guard.skipped):
            return logs
        if self._guard is None:
            self._guard = self._new_guard()
        waiting = [self._log()]

        def run(policy: Any) -> ChunkLog:
            nonlocal logs
            if waiting:
                return waiting.pop()
            logs = self._again()
            return self._log()

        self._guard(run, self._failed, guarded=True)
        return logs

    def _once(self, call: Callable[[], Any]) -> Any:
        """What this call answers."""
        assert self._undo is not None
        self._undo.begin()
        before, self._calls = self._calls, True
        try:
            logs = dict(call())
        finally:
            self._calls = before
        self._taken = self._undo.taken(logs)
        return logs

    def _log(self) -> ChunkLog:
        """The last call, for the guard."""
        count = self._taken.rolled_back
        bad = (self._steps_done, self._bad_values) if count else None
        steps = self._model.steps_per_execution
        return ChunkLog(np.empty(0), None, bad, count, steps, finite=not count)

    # -- the last steps again, with a lower learning rate ----------------------------------------

    def _begin_chunk(self) -> None:
        """Where to go back to: weights that led to a bad step do so at any learning rate."""
        if self._steps is None:
            self._steps = self._new_steps()
        if len(self._since) in (0, _STEPS_BACK):
            begins = self._epoch_at == len(self._since)
            self._epoch_at = 0 if begins else -1
            self._start, self._since = self._steps.snapshot(), []

    def _again(self) -> Any:
        """What the last of them answers."""
        assert self._steps is not None
        rate = rate_of(self._model.optimizer)
        self._steps.restore(self._start)
        self._model.optimizer.learning_rate = rate
        for number, batch in enumerate(self._since):
            if number == self._epoch_at:
                self._model.reset_metrics()
            logs = self._once(partial(self._function, iter([batch])))
            if self._taken.rolled_back:
                break
        return logs

    def begin_epoch(self, steps: int | None) -> None:
        """Told by a callback.

        Args:
            steps: of an epoch, where Keras could count them.
        """
        self._epoch_at = len(self._since)
        if self._steps is not None:
            self._steps.steps_per_epoch = steps or _NO_END
        self._steps_per_epoch = steps or _NO_END

    @property
    def _bad_values(self) -> np.ndarray:
        values = self._taken.values
        assert values is not None
        return values[: 1 + len(self._model.logged_terms)]

    @property
    def _steps_done(self) -> int:
        skipped = self._guard.skipped if self._guard is not None else 0
        return int(batches_done(self._model.optimizer).numpy()) + skipped

    def _new_steps(self) -> TrainStep:
        self._forward = BatchForward(self._model, self._taken.batch)
        steps: Any = TrainStep(self._forward, self._model.optimizer)  # type: ignore[arg-type]
        steps.steps_per_epoch = self._steps_per_epoch
        return steps  # type: ignore[no-any-return]

    def _new_guard(self) -> NanGuard:
        self._steps = self._steps or self._new_steps()
        return NanGuard(self._steps, self.on_nan)

    def _failed(self, step: int) -> Any:
        """The rows of the step that was not finite."""
        batch = self._taken.batch
        if batch is None:
            told = zip(self._model.logged_terms, self._bad_values[1:], strict=True)
            names = [name for name, value in told if not np.isfinite(value)]
            said = f"the value of {' and '.join(map(repr, names))}" if names else "the step"
            raise NumericsError(
                f"At step {step} {said} is not a finite number. The weights are those of step "
                f"{step}. Compile with steps_per_execution=1 to learn which rows are at fault."
            )
        assert self._forward is not None
        self._forward.batch = batch
        return batch_of(batch, self.arrays)

    # -- on several devices ----------------------------------------------------------------------

    @property
    def _several_devices(self) -> bool:
        return bool(self._model.distribute_strategy.num_replicas_in_sync > 1)

    def _from_outside(self, call: Callable[[], Any]) -> Any:
        model = self._model
        before = [(variable, tf.identity(variable.value)) for variable in changed_by(model)]
        logs = call()
        if np.isfinite(float(logs["loss"])) and bool(are_finite(model.weights_to_guard)):
            return logs
        step = int(batches_done(model.optimizer).numpy()) - model.steps_per_execution
        for variable, value in before:
            variable.assign(value)
        raise NumericsError(
            f"At step {step} the loss or a weight is not a finite number. The weights are those of "
            f"step {step}. Train on one device to learn which term and rows are at fault."
        )


def specs_of(batch: Any) -> Any:
    """What a program is traced for, so that it takes any number of rows such as these."""
    return keras.tree.map_structure(_spec, batch)


def _spec(part: Any) -> Any:
    if part is None or isinstance(part, tf.TypeSpec):
        return part
    if isinstance(part, tf.experimental.Optional):
        return None
    if isinstance(part, (tf.SparseTensor, tf.RaggedTensor)):
        return tf.type_spec_from_value(part)
    tensor = tf.convert_to_tensor(part)
    return tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype)
