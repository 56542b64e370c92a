"""Outputs with a row for each time step, of which a mask or weights tell some apart."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from tfloss.errors import UsageError
from tfloss.lazy import tf


class Rows(NamedTuple):
    """What an objective gets: tensors by name, where they are there, and weights."""

    tensors: dict[str, Any]
    present: dict[str, Any]
    weight: Any


def rows_of_positions(
    tensors: Mapping[str, Any],
    present: Mapping[str, Any],
    weight: Any,
    mask: Any,
    needs: AbstractSet[str],
) -> Rows:
    """Leave masked examples out; with a mask or weights per step, make every step a row of its own.

    A masked step counts neither above nor below the fraction line, as in Keras.

    Args:
        tensors: by name, (batch, …), or (batch, steps, …) where each step becomes a row.
        present: by name, (batch,).
        weight: (batch,), (batch, steps) or None.
        mask: (batch,), (batch, steps) or None.
        needs: the names that the formula uses.

    Raises:
        UsageError: a tensor without steps, together with a mask of steps.
    """
    given = [part for part in (weight, mask) if part is not None]
    positions = max((part.shape.rank for part in given), default=1)
    used = {name: tensors[name] for name in sorted(needs & set(tensors)) if name != "weights"}
    if positions == 1:
        if mask is None:
            return Rows(dict(tensors), dict(present), weight)
        return Rows(dict(tensors), {n: mask * present.get(n, 1.0) for n in used}, weight)
    like = next(part for part in given if part.shape.rank == positions)
    for name, tensor in used.items():
        _require_steps(name, tensor, like)

    def flat(values: Any) -> Any:
        """(batch,) or (batch, steps) as one value for each row."""
        missing = positions - values.shape.rank
        values = tf.reshape(values, tf.concat([tf.shape(values), [1] * missing], 0))
        return tf.reshape(values * tf.ones(tf.shape(like), tf.float32), [-1])

    there = {name: flat(values) for name, values in present.items() if name in used}
    if mask is not None:
        there = {name: flat(mask) * there.get(name, 1.0) for name in used}
    rows = {name: tf.reshape(t, [-1, *t.shape[positions:]]) for name, t in used.items()}
    if "weights" in tensors:
        rows["weights"] = tensors["weights"]
    return Rows(rows, there, None if weight is None else flat(weight))


def _require_steps(name: str, tensor: Any, like: Any) -> None:
    start = tensor.shape[: like.shape.rank]
    if start.rank != like.shape.rank or not start.is_compatible_with(like.shape):
        raise UsageError(
            f"'{name}' has shape {tuple(tensor.shape)}, but the model's mask or the weights have "
            f"one value for each of {tuple(like.shape)}; give every tensor of the formula a row "
            f"for each step, or end the model in a layer that sums the steps up."
        )
