"""One call of a loss on tensors of which elements, places, rows or steps are missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tfloss.errors import PluginError, UsageError
from tfloss.lazy import tf
from tfloss.objective.loss_variables import States
from tfloss.objective.missing import averaged, of_first_axes, of_rows, together
from tfloss.objective.plan import LossUse
from tfloss.registry import Loss, call_plugin
from tfloss.registry.declarations import STATE

Tensor = Any
WEIGHT = "sample_weight"


@dataclass(frozen=True)
class LossCall:
    """A loss, its tensors, and what is missing of them.

    A loss of single elements is called with an element in each row, so that elements can be left
    out; of a loss about rows of classes that answers for every place, places; of any other, rows.

    Attributes:
        use: the loss as planned.
        bound: its tensors by parameter; zeros where they are missing.
        missing: the mask of all of them together, or None.
        states, training: see `tfloss.objective.evaluate.Evaluator`.
    """

    use: LossUse
    bound: Mapping[str, Tensor]
    missing: Tensor | None
    states: States
    training: bool

    def by_step(self, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """The loss, with a row for each step where a mask of steps tells some apart.

        Args:
            mask: (batch,) or (batch, steps, …), or None.

        Returns:
            its value, (batch,) or a scalar; and the share of each example that is there, or None.
        """
        if mask is None or mask.shape.rank == 1:
            return self._by_row(mask)
        for name, tensor in self._tensors().items():
            _require_steps(self.use, name, tensor, mask)
        rank, shape = mask.shape.rank, tf.shape(mask)

        def rows(tensor: Tensor) -> Tensor:
            return tf.reshape(tensor, [-1, *tensor.shape[rank:]])

        flat = {name: rows(tensor) for name, tensor in self._tensors().items()}
        if WEIGHT in self.bound:
            flat[WEIGHT] = _repeated(self.bound[WEIGHT], mask)
        missing = self.missing
        if missing is not None:
            missing = rows(missing) if missing.shape.rank >= rank else _repeated(missing, mask)
        flattened = replace(self, bound={**self.bound, **flat}, missing=missing)
        values, present = flattened._by_row(tf.reshape(mask, [-1]))
        if self.use.loss.per == "batch":
            return values, None
        return averaged(tf.reshape(values, shape), tf.reshape(present, shape))

    def _by_row(self, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        there = together([self.missing, mask])
        if there is None or there.shape.rank == 1 or _is_column(there):
            return self._of_rows(of_rows(there))
        if self._is_of_elements(there):
            return self._of_elements(there)
        return self._of_rows(of_rows(there), there)

    def _is_of_elements(self, there: Tensor) -> bool:
        loss, shapes = self.use.loss, [tensor.shape for tensor in self._tensors().values()]
        alike = all(shape.is_compatible_with(there.shape) for shape in shapes)
        by_column = any(isinstance(value, (list, tuple)) for value in self.use.settings.values())
        plain = not self.use.holds_variables and WEIGHT not in self.bound and not by_column
        return loss.elementwise and plain and alike and there.shape.rank is not None

    def _of_elements(self, there: Tensor) -> tuple[Tensor, Tensor]:
        flat = {name: tf.reshape(tensor, [-1, 1]) for name, tensor in self._tensors().items()}
        values = self._result({**self.bound, **flat})
        _check_result(self.use, values)
        return averaged(tf.reshape(values, tf.shape(there)), there)

    def _of_rows(
        self, rows: Tensor | None, there: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """The loss as it is, without the rows, or places of rows, of which something is missing."""
        bound, per_batch = dict(self.bound), self.use.loss.per == "batch"
        if rows is not None:
            if per_batch:
                _refuse_unable_to_leave_out(self.use)
            if WEIGHT in bound:
                bound[WEIGHT] *= rows
        result = self._result(bound)
        if not per_batch and _has_places(result, self._tensors()):
            if there is not None:
                return averaged(result, of_first_axes(there, result.shape.rank))
            result = tf.reduce_mean(result, axis=list(range(1, result.shape.rank)))
        _check_result(self.use, result)
        if per_batch:
            return result, None
        if rows is not None:
            result = tf.where(rows > 0, result, tf.zeros_like(result))
        return result, rows

    def _result(self, bound: dict[str, Tensor]) -> Tensor:
        use, settings = self.use, dict(self.use.settings)
        if use.holds_variables:
            held = self.states.of(use, bound, self.training)
            settings |= {name: one.value(held[name]) for name, one in use.learned.items()}
            bound = bound if use.loss.state is None else {**bound, STATE: held}
        result = call_plugin(use.loss, use.with_parameters, **bound, **settings)
        return tf.cast(result, tf.float32)

    def _tensors(self) -> dict[str, Tensor]:
        """Without numbers, lists of weights, and the sample weights."""
        return {n: t for n, t in self.bound.items() if hasattr(t, "shape") and n != WEIGHT}


def _is_column(mask: Tensor) -> bool:
    return all(axis == 1 for axis in mask.shape[1:])


def _repeated(rows: Tensor, mask: Tensor) -> Tensor:
    """(batch,) as one value for each step of a mask, (batch * steps,)."""
    wide = tf.reshape(rows, tf.concat([tf.shape(rows)[:1], [1] * (mask.shape.rank - 1)], 0))
    return tf.reshape(wide * tf.ones_like(mask), [-1])


def _has_places(result: Tensor, tensors: Mapping[str, Tensor]) -> bool:
    """Whether a loss about rows of classes was given a row for each place.

    Of (batch, steps, classes) such a loss makes (batch, steps).
    """
    rank = result.shape.rank
    if rank is None or rank < 2:
        return False
    ranks = [tensor.shape.rank for tensor in tensors.values()]
    return max((r for r in ranks if r is not None), default=0) == rank + 1


def _require_steps(use: LossUse, name: str, tensor: Tensor, mask: Tensor) -> None:
    start = tensor.shape[: mask.shape.rank]
    if start.rank != mask.shape.rank or not start.is_compatible_with(mask.shape):
        raise UsageError(
            f"In '{use.text}': '{name}' has shape {shape_of_tensor(tensor)}, but the mask of the "
            f"other tensors has one value for each of {shape_of_tensor(mask)}; give it a row for "
            f"each step, or end the model in a layer that sums the steps up."
        )


def _refuse_unable_to_leave_out(use: LossUse) -> None:
    """A loss about the whole batch cannot be masked from outside."""
    if WEIGHT not in use.loss.signature.positional:
        raise UsageError(
            f"In '{use.text}': rows are missing, and the loss '{use.loss.name}' about the whole "
            f"batch cannot leave them out, as it does not ask for sample_weight; fill them in, or "
            f"use another loss."
        )


def _check_result(use: LossUse, result: Tensor) -> None:
    """A loss returns what its declaration says; anything else would broadcast silently."""
    loss: Loss = use.loss
    rank = 0 if loss.per == "batch" else 1
    if result.shape.rank != rank:
        expected = "a scalar" if rank == 0 else "one value per example, (batch,)"
        raise PluginError(
            f"The loss '{loss.name}' of {loss.distribution or 'unknown'} returned shape "
            f"{shape_of_tensor(result)} for '{use.text}'; it declares per=\"{loss.per}\", so it "
            f"must return {expected}."
        )


def shape_of_tensor(tensor: Tensor) -> str:
    """'(batch, 10)'."""
    axes = ["batch" if axis is None else str(axis) for axis in tensor.shape]
    return f"({', '.join(axes)}{',' * (len(axes) == 1)})"
