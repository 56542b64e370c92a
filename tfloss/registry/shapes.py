"""Static shapes of tensors, compared without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tfloss.constraints import PerColumn, is_list

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


def wrong_length(
    setting: str, value: Any, rule: PerColumn, shapes: Mapping[str, Shape | None]
) -> str | None:
    """The sentence that refuses a list that has not one entry for each column, or None.

    Args:
        setting: its name.
        value: a list; a number fits tensors of any width.
        rule: what it is one for each of.
        shapes: by parameter; what is not known is not compared.
    """
    shape = shapes.get(rule.tensor)
    if not shape:
        return None
    count = len(value) if is_list(value) else 1
    if rule.each:
        return _wrong_multiple(setting, count, rule, shape, shapes.get(rule.each))
    width = shape[-1]
    wanted = 2 if rule.classes and width == 1 else width
    if not is_list(value) or wanted in (None, count):
        return None
    kind = "class" if rule.classes else "column"
    return (
        f"'{setting}' has {count} entr{'y' if count == 1 else 'ies'}, but '{rule.tensor}' of shape "
        f"{shape_text(shape)} needs {wanted}, one for each {kind}."
    )


def _wrong_multiple(
    setting: str, count: int, rule: PerColumn, shape: Shape, each: Shape | None
) -> str | None:
    if not each:
        return None
    if count == 1:
        return different_shapes([(rule.each, rule.tensor)], {rule.each: each, rule.tensor: shape})
    wanted = (*each[:-1], each[-1] and count * each[-1])
    if len(each) > 1 and compatible(wanted, shape):
        return None
    return (
        f"'{setting}' has {count} entries, so '{rule.tensor}' needs {count} columns for each of "
        f"'{rule.each}' of shape {shape_text(each)}, and has shape {shape_text(shape)}; name a "
        f"layer that has them, {rule.tensor}=LAYER, or tfloss.attach a model with so many outputs."
    )


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
