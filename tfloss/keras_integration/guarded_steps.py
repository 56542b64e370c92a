"""NaN kept out of the weights while Keras' own `fit` trains.

The step itself is guarded in the program, as the engine guards its own; what follows from a bad
step, on the host, is the engine's `NanGuard` as well: the same words, rows and warnings.
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
from tfloss.lazy import keras, tf
from tfloss.student.keras_internals import batches_done, rate_is_a_schedule
from tfloss.training.loop.nan_guard import NanGuard, rate_of
from tfloss.training.options import ON_NAN, OnNan, one_of
from tfloss.training.program.chunk_log import ChunkLog
from tfloss.training.program.step import TrainStep, are_finite, rolled_back_unless_finite

_STEPS_BACK = 16  # at most so far goes a lower learning rate back
_BATCH, _ROLLED_BACK = "_batch", "_rolled_back"
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
        self._latest: Any = ()  # batch, as the last step returned it
        self._since: list[Any] = []  # batches since `_start`
        self._start: list[Any] = []
        self._epoch_at = -1  # which of them begins an epoch
        self._rolled_back: Any = None  # tf.Variable, how many steps of this call were rolled back
        self._counted = 0  # what it was after the last call
        self._bad: Any = None  # tf.Variable, (1 + terms,), the total and terms of the first
        self._nothing: Any = None  # tf.Variable, steps, and those in which each term had nothing

    # -- in the program --------------------------------------------------------------------------

    def step(self, update: Callable[[], Any]) -> None:
        """Trace a step that is rolled back where it is not finite.

        Args:
            update: changes the weights; returns (1 + terms,) float32, the total and the terms.
        """
        if self._several_devices or self._rolled_back is None:
            update()  # replicas are checked from outside; whoever calls a step himself, as well
            return
        model = self._model
        state = [*model.variables, *model.metrics_variables, *model.optimizer.variables]
        none_before = self._rolled_back < 0.5
        values, fine = rolled_back_unless_finite(
            update,
            total=lambda values: values[0],
            state=_once_each(state),
            weights=model.weights_to_guard,
            allowed=True if self.on_nan == "skip" else none_before,
        )
        self._bad.assign(tf.where(~fine & none_before, values, self._bad))
        self._rolled_back.assign_add(tf.where(fine, 0.0, 1.0))
        self._note_nothing()

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

    def with_outcome(self, logs: dict[str, Any], batch: Any) -> dict[str, Any]:
        """What a step answers, with how many were rolled back and, to name its rows, its batch.

        As outputs of the program they are free; each operation from Python would take a twentieth
        of a small step.
        """
        if self._rolled_back is None or self._several_devices:
            return logs
        logs = {**logs, _ROLLED_BACK: tf.identity(self._rolled_back)}
        if self._model.steps_per_execution == 1:
            logs[_BATCH] = _without_none(batch)
        return logs

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
        if self._rolled_back is None:
            width = 1 + len(self._model.term_trackers)
            self._rolled_back = tf.Variable(0.0, trainable=False)
            self._bad = tf.Variable(np.zeros(width, np.float32), trainable=False)
            self._nothing = tf.Variable(np.zeros(width, np.int32), trainable=False)
        self._model.make_variables(batch)
        self._prepared = True

    def _run(self, call: Callable[[], Any]) -> Any:
        """Take the steps of one call, and handle what was not finite in them."""
        if self.on_nan == "lower":
            self._begin_chunk()
        rolled_back, logs = self._once(call)
        if self.on_nan == "lower":
            self._since.append(self._batch)
        if not rolled_back and (self._guard is None or not self._guard.skipped):
            return logs
        if self._guard is None:
            self._guard = self._new_guard()
        waiting = [self._log(rolled_back)]

        def run(policy: Any) -> ChunkLog:
            nonlocal logs
            if waiting:
                return waiting.pop()
            log, logs = self._again()
            return log

        self._guard(run, self._failed, guarded=True)
        return logs

    def _once(self, call: Callable[[], Any]) -> tuple[int, Any]:
        """How many steps of this call were rolled back, and what it answers."""
        if self._counted:  # an operation from Python takes a tenth of a small step
            self._rolled_back.assign(0.0)
        self._counted = 1  # for all that is known, should the call fail
        logs = dict(call())
        self._counted = rolled_back = int(logs.pop(_ROLLED_BACK).numpy())
        self._latest = logs.pop(_BATCH, ())
        return rolled_back, logs

    def _log(self, rolled_back: int) -> ChunkLog:
        """The same for the guard."""
        bad = (self._steps_done, self._bad_values) if rolled_back else None
        steps = self._model.steps_per_execution
        return ChunkLog(np.empty(0), None, bad, rolled_back, steps, finite=not rolled_back)

    @property
    def _batch(self) -> Any:
        """Of the last step; None where nobody can say."""
        return _with_none(self._latest)

    # -- the last steps again, with a lower learning rate ----------------------------------------

    def _begin_chunk(self) -> None:
        """Where to go back to: weights that led to a bad step do so at any learning rate."""
        if self._steps is None:
            self._steps = self._new_steps()
        if len(self._since) in (0, _STEPS_BACK):
            begins = self._epoch_at == len(self._since)
            self._epoch_at = 0 if begins else -1
            self._start, self._since = self._steps.snapshot(), []

    def _again(self) -> tuple[ChunkLog, Any]:
        assert self._steps is not None
        rate = rate_of(self._model.optimizer)
        self._steps.restore(self._start)
        self._model.optimizer.learning_rate = rate
        for number, batch in enumerate(self._since):
            if number == self._epoch_at:
                self._model.reset_metrics()
            rolled_back, logs = self._once(partial(self._function, iter([batch])))
            if rolled_back:
                break
        return self._log(rolled_back), logs

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
        values: np.ndarray = self._bad.numpy()[: 1 + len(self._model.logged_terms)]
        return values

    @property
    def _steps_done(self) -> int:
        skipped = self._guard.skipped if self._guard is not None else 0
        return int(batches_done(self._model.optimizer).numpy()) + skipped

    def _new_steps(self) -> TrainStep:
        self._forward = BatchForward(self._model, self._batch)
        steps: Any = TrainStep(self._forward, self._model.optimizer)  # type: ignore[arg-type]
        steps.steps_per_epoch = self._steps_per_epoch
        return steps  # type: ignore[no-any-return]

    def _new_guard(self) -> NanGuard:
        self._steps = self._steps or self._new_steps()
        return NanGuard(self._steps, self.on_nan)

    def _failed(self, step: int) -> Any:
        """The rows of the step that was not finite."""
        if self._batch is None:
            told = zip(self._model.logged_terms, self._bad_values[1:], strict=True)
            names = [name for name, value in told if not np.isfinite(value)]
            said = f"the value of {' and '.join(map(repr, names))}" if names else "the step"
            raise NumericsError(
                f"At step {step} {said} is not a finite number. The weights are those of step "
                f"{step}. Compile with steps_per_execution=1 to learn which rows are at fault."
            )
        assert self._forward is not None
        self._forward.batch = self._batch
        return batch_of(self._batch, self.arrays)

    # -- on several devices ----------------------------------------------------------------------

    @property
    def _several_devices(self) -> bool:
        return bool(self._model.distribute_strategy.num_replicas_in_sync > 1)

    def _from_outside(self, call: Callable[[], Any]) -> Any:
        model = self._model
        made = [*model.variables, *model.metrics_variables, *model.optimizer.variables]
        before = [(variable, tf.identity(variable.value)) for variable in _once_each(made)]
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


def _without_none(part: Any) -> Any:
    """A structure that a compiled step can return: no None, no lists."""
    if part is None:
        return ()
    if isinstance(part, dict):
        return {name: _without_none(value) for name, value in part.items()}
    if isinstance(part, (list, tuple)):
        return tuple(_without_none(value) for value in part)
    return part


def _with_none(part: Any) -> Any:
    """The other way round."""
    if isinstance(part, dict):
        return {name: _with_none(value) for name, value in part.items()}
    if isinstance(part, tuple):
        return tuple(_with_none(value) for value in part) or None
    return part


def _once_each(variables: list[Any]) -> list[Any]:
    return list({id(variable): variable for variable in variables}.values())


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
