"""Data frames, of pandas, polars or pyarrow, and mappings from names to columns; imports none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def is_frame(thing: Any) -> bool:
    """Whether it holds named columns: a data frame, or a mapping from names to arrays."""
    if isinstance(thing, Mapping):
        return True
    return hasattr(thing, "columns") and hasattr(thing, "__getitem__") and hasattr(thing, "shape")


def columns_of_frame(frame: Any) -> dict[str, np.ndarray]:
    """Its columns by name as numpy arrays, (n,) each."""
    if isinstance(frame, Mapping):
        return {str(name): as_array(values) for name, values in frame.items()}
    names = frame.column_names if hasattr(frame, "column_names") else list(frame.columns)
    return {str(name): as_array(frame[name]) for name in names}


def category_columns(frame: Any) -> tuple[str, ...]:
    """The columns of pandas' type 'category', whose values may look like numbers."""
    names = () if isinstance(frame, Mapping) else getattr(frame, "columns", ())
    return tuple(
        str(name) for name in names if str(getattr(frame[name], "dtype", "")) == "category"
    )


def as_array(column: Any) -> np.ndarray:
    """One column as a numpy array; of text and of mixed values an array of objects."""
    if hasattr(column, "to_numpy"):
        return np.asarray(column.to_numpy())
    return np.asarray(column)


def names_in(given: Any) -> tuple[str, ...]:
    """Names from a list, or from text with commas between them."""
    parts = given.split(",") if isinstance(given, str) else given or ()
    return tuple(str(part).strip() for part in parts)
