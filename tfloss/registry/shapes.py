"""Static shapes of tensors, compared without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Shape = tuple[int | None, ...]


def shape_of(tensor: Any) -> Shape | None:
    """The static shape of a tensor, an array or a list of numbers; None where it is not known."""
    shape = getattr(tensor, "shape", None)
    if shape is None or getattr(shape, "rank", 0) is None:
        return None
    return tuple(shape)


def different_shapes(
    groups: Iterable[tuple[str, ...]], shapes: Mapping[str, Shape | None]
) -> str | None:
    """The sentence that refuses tensors of one group whose shapes cannot be equal, or None.

    Args:
        groups: names of tensors whose shapes must be equal.
        shapes: by name; a name that is not there, or whose shape is None, is not compared.
    """
    for group in groups:
        known = [(name, shape) for name in group if (shape := shapes.get(name)) is not None]
        for name, shape in known[1:]:
            first, one = known[0]
            if not compatible(one, shape):
                return (
                    f"'{first}' has shape {shape_text(one)} but '{name}' has shape "
                    f"{shape_text(shape)}; give both the same shape."
                )
    return None


def compatible(one: Shape, other: Shape) -> bool:
    """Whether two shapes may be equal; an axis of unknown length equals any."""
    return len(one) == len(other) and all(
        a is None or b is None or a == b for a, b in zip(one, other, strict=True)
    )


def shape_text(shape: Shape | None) -> str:
    """'(batch, 10)'."""
    if shape is None:
        return ""
    axes = ["batch" if axis is None else str(axis) for axis in shape]
    return f"({', '.join(axes)}{',' if len(axes) == 1 else ''})"
