"""Outputs with a row for each time step, where there is a sample weight for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from tfloss.errors import UsageError
from tfloss.lazy import tf


class Rows(NamedTuple):
    """What an objective gets: tensors by name, where they are there, masks, and weights."""

    tensors: dict[str, Any]
    present: dict[str, Any]
    masks: dict[str, Any]
    weight: Any
    flattened: bool = False
    flat: Callable[[Any], Any] = lambda tensor: tensor  # a row for each step, where they are


def rows_of_positions(
    tensors: Mapping[str, Any],
    present: Mapping[str, Any],
    weight: Any,
    masks: Mapping[str, Any],
    needs: AbstractSet[str],
) -> Rows:
    """With a weight for each step, make every step a row of its own.

    Args:
        tensors: by name, (batch, …), or (batch, steps, …) where each step becomes a row.
        present: by name, with the shape of the tensor or of its first axes.
        weight: (batch,), (batch, steps) or None.
        masks: by name, (batch,) or (batch, steps).
        needs: the names that the formula uses.

    Raises:
        UsageError: a tensor without steps next to weights of steps.
    """
    positions = 1 if weight is None else weight.shape.rank
    if positions < 2:
        return Rows(dict(tensors), dict(present), dict(masks), weight)
    used = {name: tensors[name] for name in sorted(needs & set(tensors)) if name != "weights"}
    for name, tensor in used.items():
        _require_steps(name, tensor, weight)

    def flat(values: Any) -> Any:
        """A row for each step."""
        missing = positions - values.shape.rank
        if missing > 0:
            values = tf.reshape(values, tf.concat([tf.shape(values), [1] * missing], 0))
            values = values * tf.ones_like(weight)
        return tf.reshape(values, [-1, *values.shape[positions:]])

    rows = {name: flat(tensor) for name, tensor in used.items()}
    if "weights" in tensors:
        rows["weights"] = tensors["weights"]
    there = {name: flat(mask) for name, mask in present.items() if name in used}
    return Rows(rows, there, {n: flat(mask) for n, mask in masks.items()}, flat(weight), True, flat)


def _require_steps(name: str, tensor: Any, like: Any) -> None:
    start = tensor.shape[: like.shape.rank]
    if start.rank != like.shape.rank or not start.is_compatible_with(like.shape):
        raise UsageError(
            f"'{name}' has shape {tuple(tensor.shape)}, but the weights have one value for each of "
            f"{tuple(like.shape)}; give every tensor of the formula a row for each step, or one "
            f"weight for each example."
        )
