"""The gradient of each of several terms by the same weights, within a compiled step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfloss.errors import UsageError
from tfloss.lazy import tf


def gradients_of(losses: Sequence[Any], variables: Sequence[Any], what: str) -> list[list[Any]]:
    """A row for each loss: its gradient by each variable, zeros where it does not depend on it.

    Args:
        losses: scalars of the step that is being compiled.
        variables: the weights.
        what: who asks, for the error: "'pcgrad(bce, kl)' compares gradients".

    Raises:
        UsageError: the step is not compiled.
    """
    refuse_uncompiled(what)
    return [
        [
            tf.zeros_like(variable) if slope is None else tf.convert_to_tensor(slope)
            for slope, variable in zip(tf.gradients(loss, variables), variables, strict=True)
        ]
        for loss in losses
    ]


def refuse_uncompiled(what: str) -> None:
    """Gradients of a tensor that is there are known to a step that is being compiled only.

    Raises:
        UsageError: `what`, which is not possible here, and what to leave out.
    """
    if tf.executing_eagerly():
        raise UsageError(
            f"{what}, which it can in a compiled step only; leave run_eagerly or compile='eager' "
            f"out."
        )


def gramian_of(rows: Sequence[Sequence[Any]]) -> Any:
    """The inner products of gradients, (m, m) float32, without the gradients side by side."""
    products = [
        [
            tf.add_n([_inner(a, b) for a, b in zip(one, other, strict=True)])
            for other in rows[: number + 1]
        ]
        for number, one in enumerate(rows)
    ]
    size = range(len(rows))
    whole = [[products[max(i, j)][min(i, j)] for j in size] for i in size]
    return tf.stop_gradient(tf.stack([tf.stack(row) for row in whole]))


def _inner(one: Any, other: Any) -> Any:
    return tf.reduce_sum(tf.cast(one, tf.float32) * tf.cast(other, tf.float32))


def sizes_of(rows: Sequence[Sequence[Any]]) -> tuple[Any, Any]:
    """The largest and the mean absolute entry of each gradient, (m,) float32 each."""
    sizes = [[tf.abs(tf.cast(slope, tf.float32)) for slope in row] for row in rows]
    largest = [tf.reduce_max([tf.reduce_max(size) for size in row]) for row in sizes]
    entries = tf.add_n([tf.cast(tf.size(size), tf.float32) for size in sizes[0]])
    sums = [tf.add_n([tf.reduce_sum(size) for size in row]) for row in sizes]
    return tf.stop_gradient(tf.stack(largest)), tf.stop_gradient(tf.stack(sums) / entries)
