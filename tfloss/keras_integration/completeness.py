"""Whether labels and columns are known to be all there: a program for such data needs no masks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tfloss.keras_integration.validation import is_arrays
from tfloss.lazy import keras


class Completeness:
    """What the programs of one model take for granted of their data.

    Asking of every label whether it is missing (NaN) is up to half of the operations of a loss. A
    program that does not ask must never see data in which one is; one that asks takes any data.

    Attributes:
        assumed: whether the program that is called, and perhaps traced, does not ask.
    """

    def __init__(self) -> None:
        self.assumed = False
        self._of_data = False
        self._of_programs: dict[str, bool] = {}

    @contextmanager
    def of_data(self, complete: bool) -> Iterator[None]:
        """Within, programs are made for such data."""
        before, self._of_data = self._of_data, complete
        try:
            yield
        finally:
            self._of_data = before

    def suits(self, name: str) -> bool:
        """Whether the program that was made under this name takes the data at hand."""
        return self._of_data or not self._of_programs[name]

    def around(self, name: str, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """A new program for the data at hand, which is traced when it is first called."""
        complete = self._of_programs[name] = self._of_data

        def call(iterator: Any) -> Any:
            before, self.assumed = self.assumed, complete
            try:
                return function(iterator)
            finally:
                self.assumed = before

        return call


def nothing_missing(*structures: Any) -> bool:
    """Whether these are arrays without NaN, or None."""
    parts = [part for part in keras.tree.flatten(structures) if part is not None]
    return is_arrays(parts) and all(map(_is_whole, parts)) if parts else True


def _is_whole(part: Any) -> bool:
    array = np.asarray(part)
    if array.dtype.kind == "f":
        return not array.size or not np.isnan(array.min())  # which is NaN where one is
    return array.dtype.kind in "biu"
