"""Compute a plan with TensorFlow."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from tfloss.errors import UsageError
from tfloss.lazy import tf
from tfloss.objective.balances import Balanced, balanced
from tfloss.objective.compared import compared_gradients, weights_of
from tfloss.objective.gradient_monitor import GradientMonitor, measured
from tfloss.objective.gradients import refuse_uncompiled
from tfloss.objective.loss_call import WEIGHT, LossCall, shape_of_tensor
from tfloss.objective.loss_variables import States
from tfloss.objective.missing import (
    least,
    of_rows,
    one_where_missing,
    share_of_rows,
    together,
)
from tfloss.objective.plan import (
    NO_SETTINGS,
    Arithmetic,
    AverageUse,
    BalanceUse,
    Constant,
    FunctionUse,
    LossUse,
    NetworkUse,
    ReductionUse,
    ScheduleUse,
    TensorUse,
    Term,
    Use,
    WeightsUse,
)
from tfloss.objective.scope import Scope, Tensors
from tfloss.objective.tangent_kernel import refusal_of_member, traces_of
from tfloss.ops.replicas import on_all_rows
from tfloss.registry import Reduction, call_plugin

Tensor = Any

_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "**": lambda left, right: left**right,
}


@dataclass(frozen=True)
class Value:
    """A value between losses.

    Attributes:
        tensor: (batch,) when `per_example`, else a scalar; a Python float for a constant.
        per_example: whether there is one value per example.
        present: (batch,) float32, the share of each example that is there, 0 where it is missing;
            None: all are there.
        count: of a mean over examples, how many were there; None: all.
        unmasked: the share of each example that Keras does not mask; None: all.
        incomplete: whether something may be missing that is not masked.
    """

    tensor: Tensor
    per_example: bool = False
    present: Tensor | None = None
    count: Tensor | None = None
    unmasked: Tensor | None = None
    incomplete: bool = False

    def rows(self) -> dict[str, Tensor]:
        """What it has for each example, by attribute; nothing where it is one number."""
        if not self.per_example:
            return {}
        parts = {"tensor": self.tensor, "present": self.present, "unmasked": self.unmasked}
        return {name: part for name, part in parts.items() if part is not None}


class Exchange(Protocol):
    """What an evaluator needs of the other replicas; see `tfloss.objective.across_replicas`."""

    def exchanged(self, parts: Mapping[str, Any]) -> dict[str, Any]: ...

    def mean(self, tensors: Sequence[Any]) -> list[Any]: ...


@dataclass(frozen=True)
class Evaluator:
    """Evaluates plans on the tensors of one batch.

    Attributes:
        tensors: by name; see `tfloss.objective.scope.Tensors`.
        scope: to match patterns of weights.
        present: by name, float32, for the tensors in which something is missing; see
            `tfloss.objective.missing`.
        masks: by name, (batch,) or (batch, steps, …) float32, where Keras keeps a mask.
        by_element: by name, what losses of single elements get in place of a tensor.
        weight: (batch,) float32 sample weights, or None for all ones.
        step: float32 scalar, for schedules.
        steps_per_epoch: to turn epochs into steps.
        mean: the reduction of a term that names none.
        states: the variables that losses hold.
        training: whether losses may give them new values.
        parts: by call of a frozen network, the layers of it that are wanted.
        student: computes the student with other weights, by path, to its tensors by name.
        answers: what networks and the averaged student have answered, each asked once.
        replicas: where the tensors are some rows of a batch whose others are on other devices.
    """

    tensors: Mapping[str, Tensor]
    scope: Scope
    present: Mapping[str, Tensor]
    weight: Tensor | None
    step: Tensor
    steps_per_epoch: float
    mean: Reduction
    states: States
    training: bool = False
    masks: Mapping[str, Tensor] = field(default_factory=dict)
    by_element: Mapping[str, Tensor] = field(default_factory=dict)
    parts: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    student: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] | None = None
    answers: dict[Any, Any] = field(default_factory=dict)
    replicas: Exchange | None = None

    # -- between losses --------------------------------------------------------------------------

    def reduced(self, use: Use) -> Value:
        """A term's body as one float32 scalar."""
        return self.rows_and_mean(use)[1]

    def rows_and_mean(self, use: Use) -> tuple[Value, Value]:
        """A term's body as it is, one value for each example of most, and as one float32 scalar."""
        rows = self.losses(use)
        return rows, self.finished(self.mean, rows)

    def finished(
        self, reduction: Reduction, value: Value, settings: Mapping[str, Any] = NO_SETTINGS
    ) -> Value:
        """A value reduced, where there is one for each example."""
        return self._reduce(reduction, value, settings) if value.per_example else value

    def losses(self, use: Use) -> Value:
        """The value of an expression of losses."""
        if isinstance(use, Constant):
            return Value(use.value)
        if isinstance(use, ScheduleUse):
            return Value(self._schedule(use))
        if isinstance(use, TensorUse):
            return self._outside_tensor(use)
        if isinstance(use, LossUse):
            return self._loss(use)
        if isinstance(use, ReductionUse):
            operand = self.losses(use.operand)
            if not operand.per_example:
                raise UsageError(
                    f"'{use.text}' reduces '{use.operand.text}', which is already one number per "
                    f"batch; leave '{use.reduction.name}' out."
                )
            return self._reduce(use.reduction, operand, use.settings)
        if isinstance(use, FunctionUse):
            operands = [self.losses(argument) for argument in use.arguments]
            tensors = [operand.tensor for operand in operands]
            result = call_plugin(use.function, use.text, *tensors, **use.settings)
            return _combined(operands, result)
        assert isinstance(use, Arithmetic)
        return self._arithmetic(use)

    def _arithmetic(self, use: Arithmetic) -> Value:
        operands = [self.losses(operand) for operand in use.operands]
        result = operands[0].tensor
        for operator, operand in zip(use.operators, operands[1:], strict=True):
            right = operand.tensor
            if operator == "/":
                right = one_where_missing(right, operand.present)
            result = _OPERATIONS[operator](result, right)
        return _combined(operands, result)

    def _outside_tensor(self, use: TensorUse) -> Value:
        tensor = tf.cast(self.tensors[use.name], tf.float32)
        if tensor.shape.rank == 2 and tensor.shape[1] == 1:
            tensor = tensor[:, 0]
        if tensor.shape.rank == 0:
            return Value(self._of_all_replicas(tensor))
        if tensor.shape.rank != 1:
            raise UsageError(
                f"'{use.name}' has shape {shape_of_tensor(tensor)}; one number per example can "
                f"multiply a loss. Hand it to a loss instead: mse({use.name}, …)."
            )
        missing, masked = of_rows(self._mask(use)), of_rows(self._steps([use]))
        present = together([missing, masked])
        incomplete = missing is not None
        return Value(tensor, True, present, unmasked=masked, incomplete=incomplete)

    def _loss(self, use: LossUse) -> Value:
        given = self
        if use.loss.elementwise and self.by_element:
            given = replace(self, tensors=ChainMap({**self.by_element}, self.tensors))  # type: ignore[arg-type]
        bound = {name: _in_float32(given.tensor(t)) for name, t in use.tensors.items()}
        if isinstance(weight := use.tensors.get(WEIGHT), TensorUse) and weight.name == WEIGHT:
            given = bound[WEIGHT] if self.weight is None else self.weight
            bound[WEIGHT] = tf.cast(given, tf.float32)
        missing, steps = self._missing(use.tensors.values()), self._steps(use.tensors.values())
        result, present = LossCall(use, bound, missing, self.states, self.training).by_step(steps)
        return Value(
            self._of_all_replicas(result) if use.loss.per == "batch" else result,
            per_example=use.loss.per == "example",
            present=present,
            unmasked=None if steps is None else share_of_rows(steps),
            incomplete=missing is not None,
        )

    def _of_all_replicas(self, number: Tensor) -> Tensor:
        """The mean of a replica's number and those of the others."""
        return number if self.replicas is None else self.replicas.exchanged({"": number})[""]

    def _reduce(self, reduction: Reduction, value: Value, settings: Mapping[str, Any]) -> Value:
        if self.replicas is not None:
            return self._reduced_everywhere(self.replicas, reduction, value, settings)
        present = tf.ones_like(value.tensor) if value.present is None else value.present
        weight = present if self.weight is None else self.weight * present
        result = call_plugin(reduction, reduction.name, value.tensor, weight, present, **settings)
        if not value.incomplete or reduction.name != self.mean.name:
            return Value(result)
        count = tf.reduce_sum(present)
        if (
            value.unmasked is not None
        ):  # a masked step takes nothing from a batch's share, as in Keras
            rows = tf.reduce_sum(tf.ones_like(value.unmasked))
            count *= tf.math.divide_no_nan(rows, tf.reduce_sum(value.unmasked))
        return Value(result, count=count)

    def _reduced_everywhere(
        self, replicas: Exchange, reduction: Reduction, value: Value, settings: Mapping[str, Any]
    ) -> Value:
        """The same over the examples of all replicas."""
        weight = {} if self.weight is None else {WEIGHT: self.weight}
        whole = replicas.exchanged({**value.rows(), **weight})
        alone = replace(self, replicas=None, weight=whole.pop(WEIGHT, None))
        with on_all_rows():
            return alone._reduce(reduction, replace(value, **whole), settings)

    def _missing(self, uses: Iterable[Use]) -> Tensor | None:
        """1 where every tensor of the expressions is there, 0 where one is missing."""
        return together([self._mask(use) for use in uses])

    def _mask(self, use: Use) -> Tensor | None:
        """What is there of an expression of tensors; None where nothing is missing."""
        if isinstance(use, TensorUse):
            return self.present.get(use.name)
        if isinstance(
            use, (FunctionUse, NetworkUse)
        ):  # whatever it makes of a row, it makes of all of the row
            return of_rows(self._missing(use.children()))
        return self._missing(use.children())

    def _steps(self, uses: Iterable[Use]) -> Tensor | None:
        """The masks that Keras keeps at the tensors of the expressions, together."""
        names = {part.name for use in uses for part in use.walk() if isinstance(part, TensorUse)}
        return together([self.masks.get(name) for name in sorted(names)])

    def _schedule(self, use: ScheduleUse) -> Tensor:
        settings = dict(use.settings)
        if use.epochs is not None:
            settings["steps"] = use.epochs * self.steps_per_epoch
        return call_plugin(use.schedule, use.text, self.step, *use.numbers, **settings)

    def coefficient(self, use: Use) -> Tensor:
        """A term's coefficient as a float32 scalar."""
        return tf.cast(self.losses(use).tensor, tf.float32)

    def balanced(
        self,
        use: BalanceUse,
        terms: Sequence[Term],
        losses: Sequence[Tensor],
        rows: Sequence[Value],
    ) -> Balanced:
        """The members of a balance, weighed.

        Args:
            use: the balance.
            terms: its members.
            losses: scalars, the members with their own coefficients.
            rows: what they are the means of.
        """
        named = {term.name: loss for term, loss in zip(terms, losses, strict=True)}
        return balanced(
            use,
            losses,
            state=self.states.of_balance(use, len(terms), self.training),
            gradients=lambda: compared_gradients(
                use, named, self.tensors, self.scope, self.replicas
            ),
            traces=lambda: self._traces(use, terms, losses, rows),
            step=self.step,
            steps_per_epoch=self.steps_per_epoch,
            training=self.training,
        )

    def _traces(
        self,
        use: BalanceUse,
        terms: Sequence[Term],
        losses: Sequence[Tensor],
        rows: Sequence[Value],
    ) -> Tensor:
        """An estimate of the trace of each member's tangent kernel, (m,)."""
        refuse_uncompiled(f"'{use.text}' takes gradients of rows")
        if self.replicas is not None:
            raise UsageError(f"'{use.text}' takes gradients of rows, on one device only.")
        for term in terms:
            sentence = refusal_of_member(use, term, self._shape)
            if sentence is not None:
                raise UsageError(sentence)
        pattern = use.by.pattern if isinstance(use.by, WeightsUse) else "weights"
        weights = weights_of(self.tensors, self.scope.matching_weights(pattern))
        return traces_of(losses, [row.tensor for row in rows], weights, self.step)

    def _shape(self, use: Use) -> tuple[int | None, ...] | None:
        """Of an expression of tensors; None of weights and numbers."""
        shape = getattr(self.tensor(use), "shape", None)
        return None if shape is None else tuple(shape)

    def gradients(
        self, monitor: GradientMonitor, terms: Callable[[], Sequence[Tensor]]
    ) -> list[Tensor]:
        """What a monitor logs; `terms` computes the weighted terms for a measurement."""
        state = self.states.of_gradients(self.training)
        weights = partial(weights_of, self.tensors)
        return measured(monitor, terms, weights, state, self.step, self.training)

    # -- inside arguments ------------------------------------------------------------------------

    def tensor(self, use: Use) -> Tensor:
        """The value of an expression of tensors."""
        if isinstance(use, Constant):
            return use.value
        if isinstance(use, TensorUse):
            return _as_float32(self.tensors[use.name])
        if isinstance(use, WeightsUse):
            paths = self.scope.matching_weights(use.pattern)
            return [tf.cast(self.tensors["weights"][path], tf.float32) for path in paths]
        if isinstance(use, NetworkUse):
            return self._network(use)
        if isinstance(use, AverageUse):
            return self._average(use)
        if isinstance(use, FunctionUse):
            if use.function.across_batch and self._missing(use.arguments) is not None:
                raise UsageError(
                    f"In '{use.text}': rows are missing, and '{use.function.name}' is about the "
                    f"whole batch, so it cannot leave them out; fill them in."
                )
            arguments = [self.tensor(argument) for argument in use.arguments]
            return call_plugin(use.function, use.text, *arguments, **use.settings)
        assert isinstance(use, Arithmetic)
        result = _to_compute_with(self.tensor(use.operands[0]))
        for operator, operand in zip(use.operators, use.operands[1:], strict=True):
            right = _to_compute_with(self.tensor(operand))
            _refuse_broadcast(use.text, result, right)
            if operator == "/":
                right = one_where_missing(right, self._mask(operand))
            result = _OPERATIONS[operator](result, right)
        return result

    def _network(self, use: NetworkUse) -> Tensor:
        """A frozen network, one forward pass for all that is wanted of one argument."""
        key = (*use.call, id(self.tensors))
        if key not in self.answers:
            rows = self.tensor(use.argument)
            parts = self.parts[use.call]
            self.answers[key] = call_plugin(use.network, use.text, rows, parts)
        return self.answers[key][use.part]

    def _average(self, use: AverageUse) -> Tensor:
        """The student with averaged weights, as a constant: no gradient flows through it."""
        key = average_key(use.decay)
        if self.student is None:
            raise UsageError(
                f"'{use.text}' computes the student a second time, which cannot be done here; "
                f"train with tfloss.fit or tfloss.attach."
            )
        if key not in self.answers:
            weights = {
                path: tf.stop_gradient(tf.convert_to_tensor(one))
                for path, one in self.tensors["weights"].items()
            }
            averages = self.states.averages(use.decay, weights, self.training)
            self.answers[key] = Tensors(self.student(averages), self.scope)
        return tf.stop_gradient(_as_float32(self.answers[key][use.part]))


def average_key(decay: float) -> tuple[str, float]:
    """Where the answers of the averaged student are kept."""
    return "average", decay


def _combined(operands: list[Value], result: Tensor) -> Value:
    present = least(operand.present for operand in operands)
    per_example = any(operand.per_example for operand in operands)
    if per_example and present is not None:
        result = tf.where(present > 0, result, tf.zeros_like(result))
    return Value(
        result,
        per_example,
        present,
        unmasked=least(operand.unmasked for operand in operands),
        incomplete=any(operand.incomplete for operand in operands),
    )


def _refuse_broadcast(text: str, left: Tensor, right: Tensor) -> None:
    shapes = [value.shape for value in (left, right) if hasattr(value, "shape")]
    if len(shapes) == 2 and all(shape.rank for shape in shapes):
        one, other = shapes
        if one.rank != other.rank or not one.is_compatible_with(other):
            raise UsageError(
                f"In '{text}': shapes {shape_of_tensor(left)} and {shape_of_tensor(right)} do not "
                f"match, and tfloss does not broadcast."
            )


def _as_float32(tensor: Tensor) -> Tensor:
    """Half precision and pixels become float32; class numbers stay whole numbers.

    Double precision stays what it is, since a gradient is asked for by the tensor itself.
    """
    tensor = tf.convert_to_tensor(tensor)
    small = (tf.float16, tf.bfloat16, tf.uint8, tf.int8, tf.uint16, tf.int16, tf.bool)
    return tf.cast(tensor, tf.float32) if tensor.dtype in small else tensor


def _in_float32(tensor: Tensor) -> Tensor:
    """What a loss gets: double precision as float32, in which losses compute."""
    if getattr(tensor, "dtype", None) == tf.float64:
        return tf.cast(tensor, tf.float32)
    return tensor


def _to_compute_with(tensor: Tensor) -> Tensor:
    """An operand of arithmetic: float32, whatever it came as; plain numbers stay as they are."""
    return tf.cast(tensor, tf.float32) if hasattr(tensor, "dtype") else tensor
