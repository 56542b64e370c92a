"""A data set in memory, checked once, when it is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tfloss.data.missing import Task, guess_task, present_in
from tfloss.errors import DataError, did_you_mean, listed


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of features with a target; whatever array-like is given is converted and checked.

    Attributes:
        features: (n, d) float64, finite.
        target: (n,) of any dtype; None, NaN and '' mark a row without a label. None as a whole: no
            row has one.
        feature_names: d names; default: 'x0', 'x1', ….
        name: how messages and reports call it.
        columns: further columns by name, each (n,) or (n, k) float64; NaN marks a missing value.
        task: 'classification' or 'regression'; default: guessed from the target: text, booleans
            and few distinct whole numbers are classes.
        class_names: names for the sorted classes, for people to read; empty: their own text.
        weight: the column that holds sample weights, or None.

    Raises:
        DataError: no rows, lengths that differ, text, NaN or infinity among the features.
    """

    features: np.ndarray
    target: np.ndarray
    feature_names: tuple[str, ...] = ()
    name: str = "data"
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    task: Task | None = None
    class_names: tuple[str, ...] = ()
    weight: str | None = None

    def __post_init__(self) -> None:
        features = self._array("features", self.features)
        if features.ndim != 2:
            raise DataError(
                f"The features of '{self.name}' have shape {features.shape}; "
                f"give one row per example and one column per feature."
            )
        if not len(features):
            raise DataError(f"'{self.name}' has no rows.")
        if not features.shape[1]:
            raise DataError(f"'{self.name}' has no feature columns.")
        names = self._names(features.shape[1])
        target = self._target(len(features))
        present = present_in(target)
        # A target without any label says nothing about the task; classification is the usual one.
        task = self.task or (guess_task(target, present) if present.any() else "classification")
        if task not in ("classification", "regression"):
            raise DataError(
                f"The task of '{self.name}' is '{task}'; say 'classification' or 'regression'."
            )
        if self.weight is not None and self.weight not in self.columns:
            raise DataError(
                f"'{self.name}' has no column '{self.weight}' for the sample weights; "
                f"it has: {listed(self.columns)}."
            )
        for attribute, value in (
            ("features", _numbers(features, names, self.name)),
            ("target", target),
            ("feature_names", names),
            ("columns", {key: self._extra(key, len(features)) for key in self.columns}),
            ("task", task),
            ("class_names", tuple(str(name) for name in self.class_names)),
        ):
            object.__setattr__(self, attribute, value)

    def __len__(self) -> int:
        return len(self.features)

    @property
    def labelled(self) -> np.ndarray:
        """(n,) bool: which rows have a label."""
        return present_in(self.target)

    def with_features(self, names: Sequence[str]) -> Table:
        """The same rows with these feature columns, in this order.

        Raises:
            DataError: a column is missing; the nearest names are offered.
        """
        position = {name: index for index, name in enumerate(self.feature_names)}
        for name in names:
            if name not in position:
                raise DataError(
                    f"'{self.name}' has no feature column '{name}'.{did_you_mean(name, position)} "
                    f"It has: {listed(position)}."
                )
        columns = [position[name] for name in names]
        return replace(self, features=self.features[:, columns], feature_names=tuple(names))

    # -- checking --------------------------------------------------------------------------------

    def _array(self, what: str, given: Any) -> np.ndarray:
        try:
            return np.asarray(given)
        except ValueError as error:  # rows of different lengths
            raise DataError(f"The {what} of '{self.name}' are no array: {error}.") from error

    def _names(self, count: int) -> tuple[str, ...]:
        names = tuple(str(name) for name in self.feature_names)
        names = names or tuple(f"x{index}" for index in range(count))
        if len(names) != count:
            raise DataError(
                f"'{self.name}' has {count} feature columns but {len(names)} feature names."
            )
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise DataError(f"'{self.name}' has more than one feature column called '{twice[0]}'.")
        return names

    def _target(self, rows: int) -> np.ndarray:
        if self.target is None:
            return np.full(rows, None, dtype=object)
        target = self._array("target", self.target)
        if target.ndim == 2 and target.shape[1] == 1:
            target = target[:, 0]
        if target.ndim != 1:
            raise DataError(
                f"The target of '{self.name}' has shape {target.shape}; give one value per row."
            )
        self._same_length("target", len(target), rows)
        if target.dtype.kind == "f" and np.isinf(target).any():
            row = int(np.flatnonzero(np.isinf(target))[0])
            raise DataError(
                f"The target of '{self.name}' is infinite in row {row} (counted from 0)."
            )
        return target

    def _extra(self, key: str, rows: int) -> np.ndarray:
        column = np.asarray(self.columns[key])
        self._same_length(f"column '{key}'", column.shape[0] if column.ndim else 0, rows)
        if column.ndim not in (1, 2):
            raise DataError(
                f"The column '{key}' of '{self.name}' has shape {column.shape}; "
                f"give one value, or one row of values, per example."
            )
        try:
            return column.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"The column '{key}' of '{self.name}' holds something other than numbers: {error}."
            ) from error

    def _same_length(self, what: str, length: int, rows: int) -> None:
        if length != rows:
            raise DataError(
                f"The {what} of '{self.name}' has {length} rows, but the features have {rows}."
            )


def _numbers(features: np.ndarray, names: tuple[str, ...], table: str) -> np.ndarray:
    """The features as finite float64, or an error that names the column and the first bad row."""
    if features.dtype.kind not in "biuf":
        features = np.column_stack(
            [_column_of_numbers(features[:, j], name, table) for j, name in enumerate(names)]
        )
    features = np.ascontiguousarray(features, dtype=np.float64)
    bad = ~np.isfinite(features)
    if bad.any():
        column = int(np.flatnonzero(bad.any(axis=0))[0])
        row = int(np.flatnonzero(bad[:, column])[0])
        value = "infinite" if np.isinf(features[row, column]) else "missing (NaN)"
        raise DataError(
            f"The feature '{names[column]}' of '{table}' is {value} in row {row} (counted from 0); "
            f"fill it in, or leave out the row or the column."
        )
    return features


def _column_of_numbers(column: np.ndarray, name: str, table: str) -> np.ndarray:
    for row, value in enumerate(column):
        if not _is_number(value):
            raise DataError(
                f"The feature '{name}' of '{table}' holds {str(value)!r} in row {row} (counted "
                f"from 0), which is not a number; turn the column into numbers or leave it out."
            )
    return np.array([np.nan if value is None else value for value in column], dtype=np.float64)


def _is_number(value: Any) -> bool:
    """Numbers, and None, which is a missing number; text is not, even when it looks like one."""
    return value is None or isinstance(value, int | float | np.number | np.bool_)
