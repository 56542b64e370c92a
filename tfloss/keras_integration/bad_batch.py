"""A batch whose step was not finite: its rows by number, and the model's terms on some of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tfloss.lazy import keras, tf
from tfloss.training.loop.nan_report import StepRows
from tfloss.training.program.batch import Batch

_ROW = "inputs"  # unless an input is called so, the column of row numbers


class BatchForward:
    """The terms of an attached model on rows of one batch, as the report about NaN asks for them.

    Args:
        model: the attached model.
        batch: what Keras handed to the step.
    """

    def __init__(self, model: Any, batch: Any) -> None:
        self._model = model
        self.batch = batch
        self.names = model.logged_terms
        self.trainable_variables = model.trainable_variables
        self.weights = model.weights_to_guard
        self.variables = [*model.variables, *model.metrics_variables]

    def build(self, row: Batch) -> None:
        """Everything has been made."""

    def terms(self, rows: Batch, step: Any, *, training: bool) -> list[Any]:
        """Each term, a scalar float32, on the rows that `rows` number."""
        terms: list[Any] = self._evaluated(rows, training)[2]
        return terms

    def __call__(self, rows: Batch, step: Any, *, training: bool) -> tuple[Any, Any]:
        """The total and the terms."""
        _, total, terms, _ = self._evaluated(rows, training)
        return total, tf.stack(terms)

    def _evaluated(self, rows: Batch, training: bool) -> Any:
        numbers = tf.convert_to_tensor(rows.tensors["row"])
        some = keras.tree.map_structure(
            lambda part: None if part is None else tf.gather(part, numbers), self.batch
        )
        return self._model.evaluated(*keras.utils.unpack_x_y_sample_weight(some), training)


def batch_of(batch: Any, arrays: Any) -> StepRows:
    """The batch by columns, with the numbers that its rows have in the data.

    Args:
        batch: (x, y, weight) as Keras hands it to a step.
        arrays: (x, y) of `fit`, where they lie in memory.
    """
    x, y, weight = keras.utils.unpack_x_y_sample_weight(batch)
    columns = dict(_named(x, "inputs"))
    # NaN among the labels says that one is missing, which is no fault.
    columns |= dict(_without_missing(y))
    columns |= dict(_named(weight, "sample_weight"))
    rows = len(next(iter(columns.values())))
    columns["row"] = np.arange(rows)
    columns.setdefault(_ROW, columns["row"])
    found = None if arrays is None else _numbers(x, y, arrays, rows)
    if found is None:
        return StepRows(np.arange(rows), Batch(columns, {}), "the batch")
    return StepRows(found, Batch(columns, {}), "the data")


def _without_missing(y: Any) -> Iterator[tuple[str, np.ndarray]]:
    for name, part in _named(y, "labels"):
        if part.dtype.kind == "f":
            yield name, np.where(np.isnan(part), np.zeros_like(part), part)


def _named(given: Any, alone: str) -> Iterator[tuple[str, np.ndarray]]:
    """Arrays by the name that the user knows them by."""
    if given is None:
        return
    for path, part in keras.tree.flatten_with_path(given):
        if part is not None:
            name = ".".join(map(str, path))
            yield (
                (alone if not path else name if isinstance(given, Mapping) else alone + name),
                (np.asarray(part)),
            )


def _numbers(x: Any, y: Any, arrays: Any, rows: int) -> np.ndarray | None:
    """Where the rows of a batch are in the arrays of `fit`; None where one is not found.

    Keras shuffles without saying how, so they are looked for by their bytes.
    """
    here = keras.tree.flatten((x, y))
    there = keras.tree.flatten(arrays)
    pairs = [
        (np.asarray(a), np.asarray(b)) for a, b in zip(here, there, strict=False) if a is not None
    ]
    if len(here) != len(there) or not pairs:
        return None
    wanted: dict[bytes, list[int]] = {}
    for number, row in enumerate(_bytes([a for a, _ in pairs], range(rows))):
        wanted.setdefault(row, []).append(number)
    found = np.full(rows, -1)
    cast = [b.astype(a.dtype, copy=False) for a, b in pairs]
    for number, row in enumerate(_bytes(cast, range(len(cast[0])))):
        if wanted.get(row):
            found[wanted[row].pop(0)] = number
    return None if (found < 0).any() else found


def _bytes(parts: list[np.ndarray], rows: range) -> Iterator[bytes]:
    for row in rows:
        yield b"".join(np.ascontiguousarray(part[row]).tobytes() for part in parts)
