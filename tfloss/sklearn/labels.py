"""Rows without a label: NaN and None, and whatever else an estimator is told marks them."""

from __future__ import annotations

from typing import Any

import numpy as np


def labels_and_gaps(y: Any, mark: Any = None) -> tuple[Any, np.ndarray | None]:
    """`y` with a label in every row, for scikit-learn's checks, and which rows had one.

    Args:
        y: (n,) or (n, k) labels, of which some can be NaN or None.
        mark: a further value that stands for no label, -1 for example.

    Returns:
        `y` as it is and None where all rows have a label; else a copy whose gaps are filled with
        some label, and (n,) bool: False where one was missing.

    Raises:
        ValueError: no row has a label.
    """
    values = None if y is None or hasattr(y, "tocsr") else np.asarray(y)
    if values is None or values.ndim not in (1, 2) or not values.size:
        return y, None  # scikit-learn says what is wrong with it
    gaps = _missing(values)
    if mark is not None:
        gaps = gaps | np.asarray(values == mark, bool)
    missing = np.asarray(gaps.any(axis=1)) if gaps.ndim == 2 else gaps
    part = missing & ~(gaps if gaps.ndim == 1 else gaps.all(axis=1))
    if part.any():
        raise ValueError(
            f"Some targets are missing in row {part.argmax()} (counted from 0), and others are "
            f"there; a row has all or none."
        )
    if not missing.any():
        return y, None
    if missing.all():
        raise ValueError("Input y contains NaN or no label at all: no row has a label to learn.")
    filled = values.copy()
    filled[missing] = values[~missing][0]
    return filled, ~missing


def are_several(y: Any) -> bool:
    """Whether labels are a matrix, an array or sparse, of several columns."""
    shape = y.shape if hasattr(y, "shape") else np.asarray(y).shape
    return len(shape) == 2 and shape[1] > 1


def _missing(values: np.ndarray) -> np.ndarray:
    """NaN, NaT and None, element by element."""
    if values.dtype.kind in "fcmM":
        return np.asarray(np.isnan(values) if values.dtype.kind in "fc" else np.isnat(values))
    if values.dtype.kind != "O":
        return np.zeros(values.shape, bool)
    found = [one is None or bool(np.isscalar(one) and one != one) for one in values.ravel()]
    return np.array(found, bool).reshape(values.shape)
