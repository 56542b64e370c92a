"""Which entries of a target are missing, and what kind of target it is."""

from __future__ import annotations

from typing import Literal

import numpy as np

Task = Literal["classification", "regression"]

# Whole numbers with at most this many distinct values are class labels.
_ALWAYS_CLASSES = 20
# With many rows, a larger number of distinct whole numbers can still be classes.
_MOST_CLASSES = 100
_ROWS_PER_CLASS = 50


def present_in(target: np.ndarray) -> np.ndarray:
    """(n,) bool: False where the target is None, NaN, NaT or ''; of several, where all are."""
    if target.ndim == 2:
        return np.any([present_in(column) for column in target.T], axis=0)
    if target.dtype.kind == "f":
        return ~np.isnan(target)
    if target.dtype.kind in "US":
        return np.char.strip(target.astype(str)) != ""
    if target.dtype.kind == "O":
        return np.array([_is_present(value) for value in target], dtype=bool)
    return np.ones(len(target), dtype=bool)


def _is_present(value: object) -> bool:
    if value is None:
        return False
    if isinstance(value, str):
        return bool(value.strip())
    return bool(value == value)  # NaN and NaT differ from themselves


def guess_task(target: np.ndarray, present: np.ndarray) -> Task:
    """Text, booleans and few whole numbers are classes; everything else is a quantity.

    So are several targets.
    """
    if target.ndim == 2:
        return "regression"
    values = target[present]
    if values.dtype.kind == "O":
        if any(isinstance(value, str | bool | np.bool_) for value in values):
            return "classification"
        values = values.astype(float)
    if values.dtype.kind not in "iuf":
        return "classification"
    distinct = np.unique(values)
    if not np.all(distinct == np.round(distinct)):
        return "regression"
    most = min(_MOST_CLASSES, max(_ALWAYS_CLASSES, len(values) // _ROWS_PER_CLASS))
    return "classification" if len(distinct) <= most else "regression"
