"""What is known of the shapes of a formula's expressions before anything is computed."""

from __future__ import annotations

from tfloss.objective.plan import Arithmetic, Constant, LossUse, TensorUse, Use
from tfloss.objective.scope import Scope, Shape
from tfloss.registry.shapes import different_shapes


def shape_of_use(use: Use, scope: Scope) -> Shape | None:
    """The shape of an expression of tensors; None where it is not known without computing it."""
    if isinstance(use, TensorUse):
        entry = scope.get(use.name)
        return None if entry is None else entry.shape
    if isinstance(use, Arithmetic):  # which does not broadcast, but for constants
        tensors = [operand for operand in use.operands if not isinstance(operand, Constant)]
        shapes = [shape_of_use(operand, scope) for operand in tensors]
        return next((shape for shape in shapes if shape), None)
    return None


def refusal_of_shapes(use: LossUse, scope: Scope) -> str | None:
    """The sentence that refuses tensors whose shapes the loss wants equal, or None."""
    shapes = {
        name: shape_of_use(tensor, scope)
        for name, tensor in use.tensors.items()
        if name in use.loss.same_names
    }
    return different_shapes(use.loss.same_shapes, shapes)
