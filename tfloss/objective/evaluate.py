"""Compute a plan with TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from tfloss.errors import PluginError, UsageError
from tfloss.lazy import tf
from tfloss.objective.balances import Balanced, balanced
from tfloss.objective.loss_variables import States
from tfloss.objective.plan import (
    Arithmetic,
    BalanceUse,
    Constant,
    FunctionUse,
    LossUse,
    ReductionUse,
    ScheduleUse,
    TensorUse,
    Use,
    WeightsUse,
)
from tfloss.objective.scope import Scope
from tfloss.registry import Loss, Reduction, call_plugin
from tfloss.registry.declarations import STATE

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
        present: (batch,) float32, 0 where an example is missing; None: all are there.
    """

    tensor: Tensor
    per_example: bool = False
    present: Tensor | None = None


@dataclass(frozen=True)
class Evaluator:
    """Evaluates plans on the tensors of one batch.

    Attributes:
        tensors: by name; see `tfloss.objective.scope.Tensors`.
        scope: to match patterns of weights.
        present: by name, (batch,) float32, for the tensors that have missing rows.
        weight: (batch,) float32 sample weights, or None for all ones.
        step: float32 scalar, for schedules.
        steps_per_epoch: to turn epochs into steps.
        mean: the reduction of a term that names none.
        states: the variables that losses hold.
        training: whether losses may give them new values.
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

    # -- between losses --------------------------------------------------------------------------

    def reduced(self, use: Use) -> Tensor:
        """A term's body as one float32 scalar."""
        value = self.losses(use)
        return self._reduce(self.mean, value) if value.per_example else value.tensor

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
            return Value(self._reduce(use.reduction, operand))
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
                right = _one_where_missing(right, operand.present)
            result = _OPERATIONS[operator](result, right)
        return _combined(operands, result)

    def _outside_tensor(self, use: TensorUse) -> Value:
        tensor = tf.cast(self.tensors[use.name], tf.float32)
        if tensor.shape.rank == 2 and tensor.shape[1] == 1:
            tensor = tensor[:, 0]
        if tensor.shape.rank == 0:
            return Value(tensor)
        if tensor.shape.rank != 1:
            raise UsageError(
                f"'{use.name}' has shape {_shape(tensor)}; one number per example can multiply "
                f"a loss. Hand it to a loss instead: mse({use.name}, …)."
            )
        return Value(tensor, per_example=True, present=self._present([use]))

    def _loss(self, use: LossUse) -> Value:
        present = self._present(use.tensors.values())
        if present is not None and use.loss.per == "batch":
            _refuse_unable_to_leave_out(use)
        bound = {name: self._bound(name, tensor, present) for name, tensor in use.tensors.items()}
        if use.loss.state is not None:
            bound[STATE] = self.states.of(use, bound, self.training)
        result = call_plugin(use.loss, use.with_parameters, **bound, **use.settings)
        result = _over_positions(use.loss, tf.cast(result, tf.float32), bound)
        _check_result(use.loss, use.text, result)
        if use.loss.per == "batch":
            return Value(result)
        if present is not None:
            result = tf.where(present > 0, result, tf.zeros_like(result))
        return Value(result, per_example=True, present=present)

    def _bound(self, parameter: str, use: Use, present: Tensor | None) -> Tensor:
        """What a loss gets for one of its tensors; a missing row weighs nothing."""
        if parameter == "sample_weight" and isinstance(use, TensorUse) and use.name == parameter:
            weight = self.tensors[parameter] if self.weight is None else self.weight
            weight = tf.cast(weight, tf.float32)
            return weight if present is None else weight * present
        return self.tensor(use)

    def _reduce(self, reduction: Reduction, value: Value) -> Tensor:
        present = tf.ones_like(value.tensor) if value.present is None else value.present
        weight = present if self.weight is None else self.weight * present
        return call_plugin(reduction, reduction.name, value.tensor, weight, present)

    def _present(self, uses: Any) -> Tensor | None:
        """1 where every tensor of the expressions is there, 0 where one is missing."""
        names = {part.name for use in uses for part in use.walk() if isinstance(part, TensorUse)}
        masks = [self.present[name] for name in sorted(names) if name in self.present]
        return reduce(lambda left, right: left * right, masks) if masks else None

    def _schedule(self, use: ScheduleUse) -> Tensor:
        settings = dict(use.settings)
        if use.epochs is not None:
            settings["steps"] = use.epochs * self.steps_per_epoch
        return call_plugin(use.schedule, use.text, self.step, *use.numbers, **settings)

    def coefficient(self, use: Use) -> Tensor:
        """A term's coefficient as a float32 scalar."""
        return tf.cast(self.losses(use).tensor, tf.float32)

    def balanced(self, use: BalanceUse, losses: Sequence[Tensor]) -> Balanced:
        """The members of a balance, weighed."""
        paths = () if use.by is None else self.scope.matching_weights(use.by.pattern)
        weights = self.tensors["weights"] if use.balance.needs_gradients else {}
        variables = [weights[path] for path in paths or weights]
        return balanced(
            use,
            losses,
            state=self.states.of_balance(use, len(losses), self.training),
            variables=[getattr(variable, "value", variable) for variable in variables],
            step=self.step,
            steps_per_epoch=self.steps_per_epoch,
            training=self.training,
        )

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
        if isinstance(use, FunctionUse):
            if use.function.across_batch and self._present(use.arguments) is not None:
                raise UsageError(
                    f"In '{use.text}': rows are missing, and '{use.function.name}' is about the "
                    f"whole batch, so it cannot leave them out; fill them in."
                )
            arguments = [self.tensor(argument) for argument in use.arguments]
            return call_plugin(use.function, use.text, *arguments, **use.settings)
        assert isinstance(use, Arithmetic)
        result = self.tensor(use.operands[0])
        for operator, operand in zip(use.operators, use.operands[1:], strict=True):
            right = self.tensor(operand)
            _refuse_broadcast(use.text, result, right)
            if operator == "/":
                right = _one_where_missing(right, self._present([operand]))
            result = _OPERATIONS[operator](result, right)
        return result


def _combined(operands: list[Value], result: Tensor) -> Value:
    masks = [operand.present for operand in operands if operand.present is not None]
    per_example = any(operand.per_example for operand in operands)
    present = reduce(lambda left, right: left * right, masks) if masks else None
    if per_example and present is not None:
        result = tf.where(present > 0, result, tf.zeros_like(result))
    return Value(result, per_example, present)


def _one_where_missing(divisor: Tensor, present: Tensor | None) -> Tensor:
    """A divisor that is 1 in missing rows, which hold 0.

    Masking the quotient afterwards would not do: the gradient of 1/0 times 0 is NaN.
    """
    if present is None or not getattr(divisor, "shape", None):
        return divisor
    there = tf.reshape(present > 0, [-1, *[1] * (divisor.shape.rank - 1)])
    return tf.where(there, divisor, tf.ones_like(divisor))


def _refuse_unable_to_leave_out(use: LossUse) -> None:
    """A loss about the whole batch cannot be masked from outside."""
    if "sample_weight" not in use.loss.signature.positional:
        raise UsageError(
            f"In '{use.text}': rows are missing, and the loss '{use.loss.name}' about the whole "
            f"batch cannot leave them out, as it does not ask for sample_weight; fill them in, or "
            f"use another loss."
        )


def _over_positions(loss: Loss, result: Tensor, bound: Mapping[str, Tensor]) -> Tensor:
    """The mean over places where a loss about rows of classes was given a row for each place.

    Of (batch, steps, classes) such a loss makes (batch, steps).
    """
    rank = result.shape.rank
    if loss.per == "batch" or rank is None or rank < 2:
        return result
    ranks = [tensor.shape.rank for tensor in bound.values() if hasattr(tensor, "shape")]
    if max((r for r in ranks if r is not None), default=0) != rank + 1:
        return result
    return tf.reduce_mean(result, axis=list(range(1, rank)))


def _check_result(loss: Loss, text: str, result: Tensor) -> None:
    """A loss returns what its declaration says; anything else would broadcast silently."""
    rank = 0 if loss.per == "batch" else 1
    if result.shape.rank != rank:
        expected = "a scalar" if rank == 0 else "one value per example, (batch,)"
        raise PluginError(
            f"The loss '{loss.name}' of {loss.distribution or 'unknown'} returned shape "
            f"{_shape(result)} for '{text}'; it declares per=\"{loss.per}\", so it must return "
            f"{expected}."
        )


def _refuse_broadcast(text: str, left: Tensor, right: Tensor) -> None:
    shapes = [value.shape for value in (left, right) if hasattr(value, "shape")]
    if len(shapes) == 2 and all(shape.rank for shape in shapes):
        one, other = shapes
        if one.rank != other.rank or not one.is_compatible_with(other):
            raise UsageError(
                f"In '{text}': shapes {_shape(left)} and {_shape(right)} do not match, and tfloss "
                f"does not broadcast."
            )


def _as_float32(tensor: Tensor) -> Tensor:
    """Half precision becomes float32 before it meets a loss; integer labels stay integers."""
    tensor = tf.convert_to_tensor(tensor)
    return tf.cast(tensor, tf.float32) if tensor.dtype in (tf.float16, tf.bfloat16) else tensor


def _shape(tensor: Tensor) -> str:
    axes = ["batch" if axis is None else str(axis) for axis in tensor.shape]
    return f"({', '.join(axes)}{',' * (len(axes) == 1)})"
