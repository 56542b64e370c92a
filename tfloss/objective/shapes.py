"""What is known of the shapes of a formula's expressions before anything is computed."""

from __future__ import annotations

from tfloss.objective.plan import (
    Arithmetic,
    AverageUse,
    Constant,
    LossUse,
    NetworkUse,
    TensorUse,
    Use,
)
from tfloss.objective.scope import Scope, Shape


def shape_of_use(use: Use, scope: Scope) -> Shape | None:
    """The shape of an expression of tensors; None where it is not known without computing it."""
    if isinstance(use, TensorUse):
        entry = scope.get(use.name)
        return None if entry is None else entry.shape
    if isinstance(use, Arithmetic):  # which does not broadcast, but for constants
        tensors = [operand for operand in use.operands if not isinstance(operand, Constant)]
        shapes = [shape_of_use(operand, scope) for operand in tensors]
        return next((shape for shape in shapes if shape), None)
    if isinstance(use, NetworkUse):
        given = shape_of_use(use.argument, scope)
        return given and use.network.shapes(given, use.part)
    if isinstance(use, AverageUse):
        entry = scope.get(use.part)
        return None if entry is None else entry.shape
    return None


def refusal_of_shapes(use: LossUse, scope: Scope) -> str | None:
    """The sentence that refuses shapes that differ, or a list of another length; or None."""
    shapes = {
        name: shape_of_use(tensor, scope)
        for name, tensor in use.tensors.items()
        if name in use.loss.compared
    }
    return use.loss.refusal_of_shapes(shapes, use.settings)
