"""Programs kept at the model that they train: training it again traces and compiles nothing.

A program is used again where everything is the same that was traced into it: the formula's plan,
the columns with their types and numbers of rows, the options, the model's variables and the
settings of its layers. What a call brings of its own, rows, their order, the number of epochs, is
given to the program. It stays as long as the model, which holds it, and of several those that were
used last.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from tfloss.training.checkpoints.fingerprint import model_fingerprint

P = TypeVar("P")

_ATTRIBUTE = "_tfloss_programs"
_MOST = 4  # each holds compiled code, and an optimizer's variables
_lock = threading.Lock()


class Same:
    """Equal to nothing but the same object, which it keeps alive."""

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.thing is self.thing

    __hash__ = object.__hash__


class ProgramCache(Generic[P]):
    """What is kept at one model; see `cache_of`."""

    def __init__(self) -> None:
        self._kept: list[tuple[Any, P]] = []

    def take(self, key: Any, suits: Callable[[P], bool] = lambda _: True) -> P | None:
        """A program that was kept under this key; nobody else has it until it is kept again.

        Args:
            key: compared by `==`.
            suits: what else has to hold of it.
        """
        with _lock:
            candidates = list(reversed(self._kept))
        for entry in candidates:
            if entry[0] == key and suits(entry[1]):
                with _lock:
                    if entry in self._kept:
                        self._kept.remove(entry)
                        return entry[1]
        return None

    def keep(self, key: Any, program: P) -> None:
        """Keep a program; the one that was not used for longest may go."""
        with _lock:
            self._kept = [*self._kept, (key, program)][-_MOST:]


def cache_of(model: Any) -> ProgramCache[Any]:
    """What is kept at this model. It is freed with the model, and never saved or copied."""
    cache: ProgramCache[Any] = model.__dict__.setdefault(_ATTRIBUTE, ProgramCache())
    return cache


def key_of_model(model: Any, variables: Iterable[Any]) -> tuple[Any, ...]:
    """What a program depends on of a model.

    Args:
        model: with its layers.
        variables: those that are trained, in their order.
    """
    return (
        model_fingerprint(model),
        [Same(variable) for variable in variables],
        [Same(variable) for variable in model.variables],
    )
