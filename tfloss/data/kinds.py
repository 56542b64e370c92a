"""What a column of a table holds: numbers, yes and no, dates, or text that names a category.

Every column becomes one of float64 with NaN for a gap. Dates are days since 1970; a category is the
position of its text among the column's levels.
"""

from __future__ import annotations

import datetime
import decimal
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfloss.errors import DataError, listed

NUMBER, BOOLEAN, DATE, CATEGORY = "number", "boolean", "date", "category"
KINDS = (NUMBER, BOOLEAN, DATE, CATEGORY)

_DAY = np.timedelta64(1, "D")
_SHOWN = 12  # doubtful columns that a sentence names


@dataclass(frozen=True, eq=False)
class Understood:
    """A column as numbers.

    Attributes:
        kind: one of `KINDS`.
        values: (n,) float64; NaN where the value is missing.
        levels: of a category, the texts that its numbers stand for, sorted.
    """

    kind: str
    values: np.ndarray
    levels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Doubt:
    """A column that cannot be understood for certain, and the first cell at fault.

    Attributes:
        column: its name.
        what: the rest of the sentence, "holds 'abc' in row 3 (counted from 0), …".
    """

    column: str
    what: str


def understand(name: str, values: np.ndarray, *, category: bool = False) -> Understood | Doubt:
    """What a column holds.

    Args:
        name: of the column, for the doubt.
        values: (n,) of any dtype; None, NaN, NaT and blank text are gaps.
        category: take it as a category, whatever it looks like.
    """
    values = np.asarray(values)
    kind = values.dtype.kind
    if kind in "US":
        texts = np.array([value.strip() or None for value in values.astype(str)], dtype=object)
        if not category and (found := _numbers_in(texts)) is not None:
            return Understood(NUMBER, found)
        return _category(texts)
    if kind == "O":
        return _of_objects(name, values, category)
    if category:
        return _category(_texts(values.astype(object)))
    if kind == "b":
        return Understood(BOOLEAN, values.astype(np.float64))
    if kind in "iuf":
        return _finite(name, values.astype(np.float64))
    if kind == "M":
        return Understood(DATE, _days(values))
    if kind == "m":
        return Understood(NUMBER, values / _DAY)
    return Doubt(name, f"holds values of the type {values.dtype}, which are not numbers or text")


def _of_objects(name: str, values: np.ndarray, category: bool) -> Understood | Doubt:
    there = np.array([not is_gap(value) for value in values], dtype=bool)
    known = values[there]
    if category:
        return _category(_texts(values))
    for kind, fits in _FITS.items():
        if all(fits(value) for value in known):
            if kind == CATEGORY:
                return _category(_texts(values))
            numbers = np.full(len(values), np.nan)
            if kind == DATE:
                numbers[there] = _days(np.array([_datetime64(value) for value in known]))
            else:
                numbers[there] = [float(value) for value in known]
            return _finite(name, numbers, kind)
    return _mixed(name, values, there)


def _mixed(name: str, values: np.ndarray, there: np.ndarray) -> Doubt:
    """The doubt about a column of several kinds: the first cell that is not of the usual one."""
    kinds = np.array(
        [_kind_of(value) if ok else "" for value, ok in zip(values, there, strict=True)]
    )
    found, count = np.unique(kinds[there], return_counts=True)
    usual = found[count.argmax()] if NUMBER not in found else NUMBER
    row = int(np.flatnonzero(there & (kinds != usual))[0])
    if len(found) == 1:  # of one kind that is none of ours
        row, usual = int(np.flatnonzero(there)[0]), ""
    otherwise = f", and {_PLURAL[usual]} elsewhere" if usual in _PLURAL else ""
    return Doubt(
        name,
        f"holds {str(values[row])[:40]!r} in row {row} (counted from 0), which is not a number"
        f"{otherwise}",
    )


_PLURAL = {NUMBER: "numbers", BOOLEAN: "true and false", DATE: "dates", CATEGORY: "text"}


def is_gap(value: Any) -> bool:
    """Whether a cell is empty: None, NaN, NaT, pandas' NA, or blank text."""
    if value is None:
        return True
    if isinstance(value, str):
        return not value.strip()
    try:
        return not bool(value == value)  # NaN and NaT differ from themselves
    except TypeError:  # pandas' NA has no truth
        return True
    except ValueError:  # an array
        return False


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool | np.bool_)


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real | decimal.Decimal | np.bool_)


def _is_date(value: Any) -> bool:
    return isinstance(value, datetime.date | np.datetime64)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


_FITS = {BOOLEAN: _is_boolean, NUMBER: _is_number, DATE: _is_date, CATEGORY: _is_text}


def _kind_of(value: Any) -> str:
    return next((kind for kind, fits in _FITS.items() if fits(value)), type(value).__name__)


def _datetime64(value: Any) -> np.datetime64:
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        value = value.astimezone(datetime.UTC).replace(tzinfo=None)
    return np.datetime64(value, "us")


def _days(values: np.ndarray) -> np.ndarray:
    """(n,) float64 days since 1970-01-01; NaN for NaT."""
    return (values - np.datetime64(0, "D").astype(values.dtype)) / _DAY


def _numbers_in(texts: np.ndarray) -> np.ndarray | None:
    """The numbers that all of these texts spell; None where one does not, or there is none."""
    found = np.full(len(texts), np.nan)
    there = np.array([text is not None for text in texts], dtype=bool)
    try:
        found[there] = [float(text) for text in texts[there]]
    except ValueError:
        return None
    return found if there.any() and np.isfinite(found[there]).all() else None


def _texts(values: np.ndarray) -> np.ndarray:
    from tfloss.data.classes import label_text

    return np.array(
        [None if is_gap(value) else label_text(value).strip() for value in values], dtype=object
    )


def _category(texts: np.ndarray) -> Understood:
    there = np.array([text is not None for text in texts], dtype=bool)
    positions = np.full(len(texts), np.nan)
    levels: tuple[str, ...] = ()
    if there.any():
        found, inverse = np.unique(texts[there].astype(str), return_inverse=True)
        levels = tuple(found.tolist())
        positions[there] = inverse
    return Understood(CATEGORY, positions, levels)


def _finite(name: str, values: np.ndarray, kind: str = NUMBER) -> Understood | Doubt:
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        return Doubt(name, f"is infinite in row {infinite[0]} (counted from 0)")
    return Understood(kind, values)


def understood_matrix(
    columns: Mapping[str, np.ndarray], table: str, categories: Sequence[str] = ()
) -> tuple[np.ndarray, dict[str, tuple[str, tuple[str, ...]]]]:
    """Every column as numbers, or one error about all that are doubtful.

    Returns:
        (n, d) float64; and by column its kind and, of a category, its levels.

    Raises:
        DataError: which names each doubtful column, with the cell at fault.
    """
    matrix = np.empty((len(next(iter(columns.values()))), len(columns)))
    found, doubts, chosen = {}, [], set(categories)
    for place, (name, values) in enumerate(columns.items()):
        one = understand(name, values, category=name in chosen)
        if isinstance(one, Doubt):
            doubts.append(one)
        else:
            matrix[:, place] = one.values
            found[name] = one.kind, one.levels
    refuse_doubts(doubts, table)
    return matrix, found


def refuse_doubts(doubts: Sequence[Doubt], table: str) -> None:
    """Raise DataError about doubtful columns, all at once."""
    if not doubts:
        return
    names = ",".join(doubt.column for doubt in doubts)
    remedy = (
        f"fix the cells, leave columns out (--drop {names!r}), or take them as text "
        f"(--categories {names!r})."
    )
    if len(doubts) == 1:
        raise DataError(f"The feature '{doubts[0].column}' of '{table}' {doubts[0].what}; {remedy}")
    shown = "\n".join(f"  '{doubt.column}' {doubt.what}" for doubt in doubts[:_SHOWN])
    more = f"\n  and {len(doubts) - _SHOWN} more" if len(doubts) > _SHOWN else ""
    raise DataError(
        f"'{table}' has {len(doubts)} columns that cannot be understood for certain:\n"
        f"{shown}{more}\n{remedy[0].upper()}{remedy[1:]}"
    )


def refuse_no_table(features: Any, table: str) -> None:
    """Raise DataError where columns have no common length."""
    lengths = {len(values) for values in features.values()}
    if len(lengths) > 1:
        found = listed(str(length) for length in sorted(lengths))
        raise DataError(f"The columns of '{table}' have different lengths: {found}.")
