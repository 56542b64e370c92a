"""Weights-only files that a plain network and its attached model can both read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_MISSING = object()


@contextmanager
def with_training_state(model: Any, **parts: Any) -> Iterator[Any]:
    """The model inside, with the attached model's optimizer and the like in its attributes.

    A weights file has the layout of the model that wrote it. Written by the model inside, it fits
    a plain network; the optimizer goes along, as Keras' `BackupAndRestore` saves it in such a file.

    Args:
        model: the model inside.
        **parts: what goes along, by attribute; None is left out.
    """
    parts = {name: part for name, part in parts.items() if part is not None}
    before = {name: vars(model).get(name, _MISSING) for name in parts}
    for name, part in parts.items():
        object.__setattr__(model, name, part)
    try:
        yield model
    finally:
        for name, value in before.items():
            if value is _MISSING:
                object.__delattr__(model, name)
            else:
                object.__setattr__(model, name, value)
