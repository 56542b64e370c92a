"""Refusals of shapes that only the loss itself can know to be wrong."""

from __future__ import annotations

from typing import Any

from tfloss.lazy import tf


def same_shape(**tensors: Any) -> None:
    """Refuse tensors whose static shapes differ, which arithmetic would broadcast without a word.

    For what a loss has computed. The shapes of its parameters are declared instead,
    `@tfloss.loss(same_shape=("labels", "logits"))`, and compared before training.

    Args:
        tensors: tensors by the name that the message gives them.

    Raises:
        ValueError: two of the shapes cannot be equal.
    """
    (first, one), *others = tensors.items()
    for name, other in others:
        if not tf.TensorShape(one.shape).is_compatible_with(other.shape):
            raise ValueError(
                f"'{first}' has shape {_text(one)} but '{name}' has shape {_text(other)}; give "
                f"both the same shape."
            )


def columns(tensor: Any) -> int:
    """The static number of columns, the length of the last axis.

    Raises:
        ValueError: it is not known.
    """
    count = tensor.shape[-1] if len(tensor.shape) else None
    if count is None:
        raise ValueError(f"The number of columns of a tensor of shape {tensor.shape} is not known.")
    return int(count)


def several_columns(loss: str, instead: str, **tensors: Any) -> None:
    """Refuse one column where a loss is about several.

    Args:
        loss: the loss's name, for the message.
        instead: what to do: 'use bce'.
        tensors: by the name that the message gives them.

    Raises:
        ValueError: one of the tensors has one column.
    """
    for name, tensor in tensors.items():
        if columns(tensor) == 1:
            raise ValueError(f"'{loss}' needs a column per class but '{name}' has one; {instead}.")


def few_enough_for_triples(loss: str, rows: Any, most: int = 1_000) -> None:
    """Refuse a batch of which all triples do not fit into memory, where its size is known.

    Args:
        loss: the loss's name, for the message.
        rows: (batch, …).
        most: how many examples are taken.

    Raises:
        ValueError: there are more.
    """
    count = rows.shape[0]
    if count is not None and count > most:
        size = 8 * count**3 / 2**30
        raise ValueError(
            f"'{loss}' compares all triples of a batch: {count} examples need {size:.0f} GiB for "
            f"each copy; use batches of {most} or fewer."
        )


def _text(tensor: Any) -> str:
    axes = ["batch" if axis is None else str(axis) for axis in tensor.shape]
    return f"({', '.join(axes)}{',' * (len(axes) == 1)})"
