"""How much work a step is, estimated from the layers: what the length of a call is planned by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from tfloss.lazy import keras
from tfloss.student.keras_internals import sublayers


class Work(NamedTuple):
    """Of the forward pass of one row.

    Attributes:
        multiply_adds: about.
        passes: of the longest loop; 1 without recurrent layers.
    """

    multiply_adds: int
    passes: int


def work_of(model: Any | None, variables: Iterable[Any]) -> Work:
    """Estimate it: each weight once, and those of a layer that computes many positions for each.

    Args:
        model: built of layers; None: only its variables are known.
        variables: all that are trained.
    """
    once = sum(int(np.prod(v.shape)) for v in variables)
    more, passes = 0, 1
    layers = [] if model is None else sublayers(model, recursive=True)
    for layer in layers:
        positions, is_loop = _positions(layer)
        more += (positions - 1) * sum(int(np.prod(v.shape)) for v in layer.trainable_variables)
        passes = max(passes, positions if is_loop else 1)
    return Work(once + more, passes)


def _positions(layer: Any) -> tuple[int, bool]:
    """How often a layer uses its weights for one row; whether one after the other."""
    if isinstance(layer, keras.layers.RNN):
        return _product(_shape(layer, "input")[1:2]), True
    if isinstance(layer, keras.layers.Embedding) or sublayers(layer):
        return 1, False  # looks rows up; or the layers inside count
    return _product(_shape(layer, "output")[1:-1]), False


def _shape(layer: Any, side: str) -> tuple[int | None, ...]:
    """Of a layer's input or output; () where it has none, or several."""
    try:
        return tuple(getattr(layer, side).shape)
    except (AttributeError, ValueError, RuntimeError):
        return ()


def _product(sizes: Iterable[int | None]) -> int:
    return int(np.prod([size or 1 for size in sizes], dtype=np.int64))
