"""How a step of Keras' `fit` is undone where it is not finite: after the call, or in the program.

Either keeps what the step changes as it was before. A branch in the program has a node for each of
these variables, taken or not, which costs small networks a tenth of a step; so where one call takes
one step, the program hands out what was before, and Python puts it back.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from tfloss.lazy import tf
from tfloss.training.program.replication import value_of
from tfloss.training.program.step import are_finite, floats_of, rolled_back_unless_finite

_BATCH, _KEPT, _OUTCOME, _ROLLED_BACK = "_batch", "_kept", "_outcome", "_rolled_back"
_READS = frozenset({"ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape"})

Update = Callable[[], Any]  # changes the weights; returns (1 + terms,), the total and the terms
Logs = Callable[[], dict[str, Any]]  # what is logged of the step, and of those before it


class Taken(NamedTuple):
    """What became of the steps of one call.

    Attributes:
        rolled_back: how many steps were undone.
        values: (1 + terms,) the total and terms of the first of them; None without one.
        batch: of the last step, where it is needed; None where nobody can say.
    """

    rolled_back: int
    values: np.ndarray | None
    batch: Any


class UndoStep(Protocol):
    """A way to undo steps."""

    def step(self, update: Update, logs: Logs, batch: Any) -> dict[str, Any]:
        """Trace a step; what the program answers: the logs, and what `taken` needs."""

    def begin(self) -> None:
        """Before a call of the program."""

    def taken(self, logs: dict[str, Any]) -> Taken:
        """After it; makes the logs of what the program answered."""


class UndoAfterCall:
    """One step in a call.

    Args:
        model: the attached model, all of whose variables have been made.
        gives_batch: whether `Taken` has the batch of every step.
    """

    def __init__(self, model: Any, *, gives_batch: bool) -> None:
        self._model = model
        self._gives_batch = gives_batch
        self._state = changed_by(model)
        self._structures: list[Any] = []  # of what programs hand out, as specs

    def step(self, update: Update, logs: Logs, batch: Any) -> dict[str, Any]:
        # Nothing is copied here: TensorFlow does, where a variable changes whose value is held.
        read = {str(place): value_of(variable) for place, variable in enumerate(self._state)}
        values = update()
        before = {place: value for place, value in read.items() if _is_changed(value)}
        changed = [self._state[int(place)] for place in before]
        weights = {id(weight) for weight in floats_of(self._model.weights_to_guard)}
        sums = [
            tf.reduce_sum(tf.cast(value_of(variable), tf.float32))
            for variable in changed
            if id(variable) in weights
        ]
        # One number that is finite only if all these are; where it is not, `taken` looks closer.
        all_of_them = tf.add_n([values[0], *sums])
        batch = without_none(batch)
        kept = (before, batch)
        number = self._number_of(tf.nest.map_structure(tf.type_spec_from_value, kept))
        # Two outputs of the program for all of these: each takes some microseconds in Python.
        answers = {
            **logs(),
            _OUTCOME: tf.concat([tf.stack([all_of_them, number]), values], 0),
            _KEPT: tf.raw_ops.OptionalFromValue(
                components=tf.nest.flatten(kept, expand_composites=True)
            ),
        }
        return {**answers, _BATCH: batch} if self._gives_batch else answers

    def _number_of(self, structure: Any) -> float:
        if structure not in self._structures:
            self._structures.append(structure)
        return float(self._structures.index(structure))

    def begin(self) -> None:
        """Nothing is left of the call before."""

    def taken(self, logs: dict[str, Any]) -> Taken:
        outcome, kept = logs.pop(_OUTCOME).numpy(), logs.pop(_KEPT)
        batch = with_none(logs.pop(_BATCH, ()))
        values = outcome[2:]
        if math.isfinite(outcome[0]) or self._is_fine(values[0]):
            return Taken(0, None, batch)
        before, batch = _unpacked(kept, self._structures[int(outcome[1])])
        for place, value in before.items():
            self._state[int(place)].assign(value)
        logs |= self._model.get_metrics_result()
        return Taken(1, values, with_none(batch))

    def _is_fine(self, total: float) -> bool:
        """Sums of finite weights can overflow."""
        return math.isfinite(total) and bool(are_finite(self._model.weights_to_guard))


class UndoInProgram:
    """Several steps in a call, or one that XLA compiles.

    Args:
        model: the attached model, all of whose variables have been made.
        skips: whether steps after one that was undone are taken.
    """

    def __init__(self, model: Any, *, skips: bool) -> None:
        self._model = model
        self._skips = skips
        self._width = 1 + len(model.term_trackers)
        self._rolled_back = tf.Variable(0.0, trainable=False)  # how many steps of this call
        self._bad = tf.Variable(np.zeros(self._width, np.float32), trainable=False)  # the first's
        self._counted = 0  # what `_rolled_back` was after the last call

    def step(self, update: Update, logs: Logs, batch: Any) -> dict[str, Any]:
        none_before = self._rolled_back < 0.5
        values, fine = rolled_back_unless_finite(
            update,
            total=lambda values: values[0],
            state=changed_by(self._model),
            weights=self._model.weights_to_guard,
            allowed=True if self._skips else none_before,
        )
        values = tf.pad(values, [[0, self._width - int(values.shape[0])]])
        self._bad.assign(tf.where(~fine & none_before, values, self._bad))
        self._rolled_back.assign_add(tf.where(fine, 0.0, 1.0))
        # An output of the program is free; an operation from Python takes a twentieth of a step.
        answers = {**logs(), _ROLLED_BACK: tf.identity(self._rolled_back)}
        if self._model.steps_per_execution == 1:
            answers[_BATCH] = without_none(batch)
        return answers

    def begin(self) -> None:
        if self._counted:  # an operation from Python takes a tenth of a small step
            self._rolled_back.assign(0.0)
        self._counted = 1  # for all that is known, should the call fail

    def taken(self, logs: dict[str, Any]) -> Taken:
        self._counted = int(logs.pop(_ROLLED_BACK).numpy())
        batch = with_none(logs.pop(_BATCH, ()))
        return Taken(self._counted, self._bad.numpy() if self._counted else None, batch)


def changed_by(model: Any) -> list[Any]:
    """Every variable that a step of an attached model may change, each once."""
    state = [*model.variables, *model.metrics_variables, *model.optimizer.variables]
    return list({id(variable): variable for variable in state}.values())


def _unpacked(kept: Any, structure: Any) -> Any:
    """What a program has packed into one tensor."""
    specs = tf.nest.flatten(structure, expand_composites=True)
    parts = tf.raw_ops.OptionalGetValue(
        optional=kept,
        output_types=[spec.dtype for spec in specs],
        output_shapes=[spec.shape for spec in specs],
    )
    return tf.nest.pack_sequence_as(structure, parts, expand_composites=True)


def _is_changed(value: Any) -> bool:
    """Whether a program does more with a variable than to read it.

    Args:
        value: what `value_of` read of it, before all else.
    """
    if tf.executing_eagerly() or value.op.type not in _READS:
        return True
    return any(operation.type not in _READS for operation in value.op.inputs[0].consumers())


def without_none(part: Any) -> Any:
    """A structure of tensors that a compiled step can return: no None, no lists."""
    if part is None:
        return ()
    if isinstance(part, dict):
        return {name: without_none(value) for name, value in part.items()}
    if isinstance(part, (list, tuple)):
        return tuple(without_none(value) for value in part)
    return part if tf.is_tensor(part) else tf.convert_to_tensor(part)


def with_none(part: Any) -> Any:
    """The other way round."""
    if isinstance(part, dict):
        return {name: with_none(value) for name, value in part.items()}
    if isinstance(part, tuple):
        return tuple(with_none(value) for value in part) or None
    return part
