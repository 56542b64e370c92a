"""A data set in memory, checked once, when it is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tfloss.data.blocks import any_value
from tfloss.data.frames import as_array, category_columns, columns_of_frame, is_frame
from tfloss.data.kinds import CATEGORY, NUMBER, refuse_no_table, understood_matrix
from tfloss.data.missing import Task, guess_task, present_in
from tfloss.errors import DataError, did_you_mean, listed


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of features with a target; whatever array-like is given is converted and checked.

    Attributes:
        features: (n, d) numbers or objects, a data frame, or a mapping from names to columns:
            numbers, booleans, dates, text, with gaps. Afterwards (n, d) float64: NaN is a gap, a
            date is in days since 1970, and text is the position of its category in `levels`. A
            matrix of float32 without gaps stays what it is, and is not copied.
        target: (n,) of any dtype; None, NaN and '' mark a row without a label. None as a whole: no
            row has one. (n, k) numbers: k quantities, or k labels of 0 and 1.
        feature_names: d names; default: 'x0', 'x1', ….
        name: how messages and reports call it.
        columns: further columns by name, each (n,) or (n, k) float64; NaN marks a missing value.
        task: 'classification' or 'regression'; default: guessed from the target: text, booleans
            and few distinct whole numbers are classes.
        class_names: names for the sorted classes, for people to read; empty: their own text.
        weight: the column that holds sample weights, or None.
        categories: features that are categories even where they look like numbers. Afterwards all
            that are categories.
        levels: by category, the texts that its positions stand for; given only with positions.
        kinds: by feature, 'number', 'boolean', 'date' or 'category'; found from the values.
        notes: what was decided when it was read, a sentence each.
        guessed: whether the task was guessed from the target, so that a loss can tell it better.
        target_names: of several targets; default: 'y0', 'y1', …; afterwards () of one.
        multilabel: whether several targets are labels of 0 and 1, each by itself.

    Raises:
        DataError: no rows, lengths that differ, infinity, or columns of several kinds: all of them,
            with the first cell at fault.

    Example:
        >>> data = tfloss.load_data(tfloss.Table(features, target, columns={"slope": slope}))
    """

    features: Any
    target: Any
    feature_names: tuple[str, ...] = ()
    name: str = "data"
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    task: Task | None = None
    class_names: tuple[str, ...] = ()
    weight: str | None = None
    categories: tuple[str, ...] = ()
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    guessed: bool = False
    target_names: tuple[str, ...] = ()
    multilabel: bool = False

    def __post_init__(self) -> None:
        names, features = self._understood()
        target = self._target(len(features))
        present = present_in(target)
        # A target without any label says nothing about the task; classification is the usual one.
        task = self.task or (guess_task(target, present) if present.any() else "classification")
        if task not in ("classification", "regression"):
            raise DataError(
                f"The task of '{self.name}' is '{task}'; say 'classification' or 'regression'."
            )
        if target.ndim == 2 and task == "classification":
            raise DataError(
                f"'{self.name}' has {target.shape[1]} targets, and classes are one; labels of 0 "
                f"and 1 are trained with bce, as quantities (task='regression')."
            )
        if self.weight is not None and self.weight not in self.columns:
            raise DataError(
                f"'{self.name}' has no column '{self.weight}' for the sample weights; "
                f"it has: {listed(self.columns)}."
            )
        for attribute, value in (
            ("features", features),
            ("target", target),
            ("feature_names", names),
            ("categories", tuple(n for n in names if self.kinds[n] == CATEGORY)),
            ("columns", {key: self._extra(key, len(features)) for key in self.columns}),
            ("task", task),
            ("guessed", self.guessed or (self.task is None and bool(present.any()))),
            ("target_names", self._target_names(target)),
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
        if tuple(names) == self.feature_names:
            return self  # without a copy of the features
        columns = [position[name] for name in names]
        return replace(
            self,
            features=self.features[:, columns],
            feature_names=tuple(names),
            categories=(),
            levels={name: self.levels[name] for name in names if name in self.levels},
            kinds={name: self.kinds[name] for name in names},
        )

    @property
    def numbers_only(self) -> bool:
        """Whether no feature is a category and nothing is missing, so that nothing is encoded."""
        return not self.categories and not any_value(self.features, np.isnan)

    # -- checking --------------------------------------------------------------------------------

    def _understood(self) -> tuple[tuple[str, ...], np.ndarray]:
        """The names of the features, and the features as (n, d) numbers; sets levels and kinds."""
        categories = self.categories
        if is_frame(self.features):
            columns = columns_of_frame(self.features)
            refuse_no_table(columns, self.name)
            self._refuse_empty(len(next(iter(columns.values()), ())), len(columns))
            declared = category_columns(self.features)
            names = self._names(len(columns), tuple(columns))
            called = dict(zip(columns, names, strict=True))
            categories = (*categories, *(called[name] for name in declared))
            columns = dict(zip(names, columns.values(), strict=True))
        else:
            features = self._array("features", self.features)
            if features.ndim != 2:
                raise DataError(
                    f"The features of '{self.name}' have shape {features.shape}; "
                    f"give one row per example and one column per feature."
                )
            self._refuse_empty(*features.shape)
            names = self._names(features.shape[1])
            if features.dtype.kind in "iuf" and not (self.categories or self.levels):
                return names, self._numbers(names, features)
            columns = dict(zip(names, features.T, strict=True))
        for name in categories:
            if name not in columns:
                raise DataError(
                    f"'{self.name}' has no feature column '{name}' to be a category."
                    f"{did_you_mean(name, columns)} It has: {listed(columns)}."
                )
        ready = {name: self.levels[name] for name in names if name in self.levels}
        matrix, found = understood_matrix(
            columns, self.name, [c for c in categories if c not in ready]
        )
        kinds = {name: self.kinds.get(name, kind) for name, (kind, _) in found.items()}
        kinds |= dict.fromkeys(ready, CATEGORY)
        levels = {name: texts for name, (kind, texts) in found.items() if kind == CATEGORY}
        object.__setattr__(self, "kinds", kinds)
        object.__setattr__(self, "levels", levels | ready)
        return names, matrix

    def _numbers(self, names: tuple[str, ...], features: np.ndarray) -> np.ndarray:
        """A matrix of numbers, at once; NaN is a gap."""
        keeps = features.dtype == np.float32 and not any_value(features, np.isnan)
        features = np.ascontiguousarray(features, dtype=np.float32 if keeps else np.float64)
        if any_value(features, np.isinf):
            bad = np.flatnonzero(np.isinf(features).any(axis=0)).tolist()
            understood_matrix({names[at]: features[:, at] for at in bad}, self.name)
        object.__setattr__(self, "kinds", {name: self.kinds.get(name, NUMBER) for name in names})
        return features

    def _refuse_empty(self, rows: int, columns: int) -> None:
        if not columns:
            raise DataError(f"'{self.name}' has no feature columns.")
        if not rows:
            raise DataError(f"'{self.name}' has no rows.")

    def _array(self, what: str, given: Any) -> np.ndarray:
        try:
            return np.asarray(given)
        except ValueError as error:  # rows of different lengths
            raise DataError(f"The {what} of '{self.name}' are no array: {error}.") from error

    def _names(self, count: int, own: tuple[str, ...] = ()) -> tuple[str, ...]:
        names = tuple(str(name) for name in self.feature_names) or own
        names = names or tuple(f"x{index}" for index in range(count))
        if len(names) != count:
            raise DataError(
                f"'{self.name}' has {count} feature columns but {len(names)} feature names."
            )
        twice = sorted(name for name, count in Counter(names).items() if count > 1)
        if twice:
            raise DataError(f"'{self.name}' has more than one feature column called '{twice[0]}'.")
        return names

    def _target(self, rows: int) -> np.ndarray:
        if self.target is None:
            return np.full(rows, None, dtype=object)
        given = self.target
        if is_frame(given):
            given = np.column_stack(list(columns_of_frame(given).values()))
        target = self._array("target", as_array(given))
        if target.ndim == 2 and target.shape[1] == 1:
            target = target[:, 0]
        if target.ndim == 2 and target.shape[1]:
            target = self._targets(target)
        if target.ndim not in (1, 2) or (target.ndim == 2 and not target.shape[1]):
            raise DataError(
                f"The target of '{self.name}' has shape {target.shape}; give one value per row, or "
                f"a column for each of several targets."
            )
        self._same_length("target", len(target), rows)
        if target.dtype.kind == "f" and np.isinf(target).any():
            row = int(np.argwhere(np.isinf(target))[0][0])
            raise DataError(
                f"The target of '{self.name}' is infinite in row {row} (counted from 0)."
            )
        return target

    def _targets(self, target: np.ndarray) -> np.ndarray:
        """Several targets, (n, k) float64."""
        try:
            numbers = target.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"The {target.shape[1]} targets of '{self.name}' are not all numbers: {error}; "
                f"several targets are quantities, or labels of 0 and 1."
            ) from error
        gaps = np.isnan(numbers)
        some = np.flatnonzero(gaps.any(axis=1) & ~gaps.all(axis=1))
        if len(some):
            raise DataError(
                f"Some of the {target.shape[1]} targets of '{self.name}' are missing in row "
                f"{some[0]} (counted from 0), and others are there; a row has all or none."
            )
        return numbers

    def _target_names(self, target: np.ndarray) -> tuple[str, ...]:
        if target.ndim == 1:
            return ()
        names = self.target_names or _columns_in(self.target)
        if len(names) != target.shape[1]:
            return tuple(f"y{place}" for place in range(target.shape[1]))
        return tuple(str(name) for name in names)

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


def _columns_in(target: Any) -> tuple[Any, ...]:
    """The names of a frame's columns; () for an array."""
    return tuple(columns_of_frame(target)) if is_frame(target) else ()
