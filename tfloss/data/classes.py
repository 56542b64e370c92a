"""The order of the classes, and the way between labels and integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfloss.data.missing import present_in
from tfloss.errors import DataError, did_you_mean, listed


@dataclass(frozen=True, eq=False)
class Classes:
    """The classes in their declared order: sorted, as scikit-learn's LabelEncoder sorts them.

    Attributes:
        values: (C,) the labels as they stand in the data.
        names: C texts for people to read.
    """

    values: np.ndarray
    names: tuple[str, ...]

    @classmethod
    def of(cls, target: np.ndarray, names: Sequence[str] = (), *, table: str = "data") -> Classes:
        """The classes that occur in `target`; rows without a label do not count.

        Raises:
            DataError: no labels, labels that cannot be sorted or are neither text nor numbers, or
                another number of names.
        """
        labels = target[present_in(target)]
        if not len(labels):
            raise DataError(f"No row of '{table}' has a label; name the target column.")
        try:
            values = np.unique(labels)
        except TypeError as error:
            kinds = listed({type(value).__name__ for value in labels})
            raise DataError(
                f"The target of '{table}' mixes {kinds}, which have no order; use one type."
            ) from error
        for value in values.tolist():
            if not isinstance(value, str | bool | int | float):
                raise DataError(
                    f"The target of '{table}' holds {value!r}, a {type(value).__name__}; turn the "
                    f"labels into text or numbers."
                )
        if names and len(names) != len(values):
            raise DataError(
                f"'{table}' has {len(values)} classes but {len(names)} class names were given."
            )
        return cls(values, tuple(names) or tuple(label_text(value) for value in values))

    def __len__(self) -> int:
        return len(self.values)

    def encode(self, target: np.ndarray, *, table: str = "data") -> np.ndarray:
        """(n,) int64: the position of each label, and -1 where there is none.

        Raises:
            DataError: a label that is not one of the classes.
        """
        target = np.asarray(target)
        present = present_in(target)
        codes = np.full(len(target), -1, dtype=np.int64)
        rows = np.flatnonzero(present)
        found = self._positions(target[rows])
        unknown = np.flatnonzero(found < 0)
        if len(unknown):
            row = int(rows[unknown[0]])
            label = target[row].item() if isinstance(target[row], np.generic) else target[row]
            raise DataError(self._unknown(label, row, table))
        codes[rows] = found
        return codes

    def _positions(self, labels: np.ndarray) -> np.ndarray:
        """(n,) int64: which class each label is; -1: none."""
        values = self.values
        if labels.dtype.kind == values.dtype.kind and labels.dtype.kind in "biufU":
            order = np.argsort(values, kind="stable")
            place = np.searchsorted(values, labels, sorter=order)
            place = order[np.minimum(place, len(values) - 1)]
            return np.where(values[place] == labels, place, -1).astype(np.int64)
        # Of several types Python decides what is equal: 1, 1.0 and True are.
        position = {value: index for index, value in enumerate(values.tolist())}
        plain = (one.item() if isinstance(one, np.generic) else one for one in labels.tolist())
        return np.fromiter((position.get(one, -1) for one in plain), np.int64, len(labels))

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """The labels at these positions."""
        return self.values[np.asarray(codes)]

    def one_hot(self, codes: np.ndarray) -> np.ndarray:
        """Codes as labels for training, float32: (n, 1) for two classes, else (n, C).

        Two classes share one column, 1 for the second class. A row with code -1 is all zero.
        """
        if len(self) == 2:
            return (codes == 1).astype(np.float32)[:, None]
        columns = np.zeros((len(codes), len(self)), np.float32)
        rows = np.flatnonzero(codes >= 0)
        columns[rows, codes[rows]] = 1.0
        return columns

    def _unknown(self, label: Any, row: int, table: str) -> str:
        known = [label_text(value) for value in self.values]
        return (
            f"The label {label!r} in row {row} (counted from 0) of '{table}' is not one of the "
            f"classes: {listed(known)}.{did_you_mean(label_text(label), known)}"
        )


def label_text(value: Any) -> str:
    """A label in words: 2.0 is '2', since a column with gaps turns whole numbers into floats."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)
