"""Categories: a column for each value, or, of many values, a vector that the student learns.

Where the vectors are: `tfloss.student.embeddings`. Source: Guo and Berkhahn 2016, "Entity
embeddings of categorical variables", https://arxiv.org/abs/1604.06737.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tfloss.data.kinds import CATEGORY
from tfloss.errors import DataError, did_you_mean, listed

if TYPE_CHECKING:
    from tfloss.data.table import Table

MISSING, RARE = "(missing)", "(rare)"  # categories in addition to those in the data

_FEWEST = 2  # training rows of a value that has a vector of its own
_MOST = 2000  # values with a vector of their own, those with the most rows
_WIDEST = 32  # numbers in a vector


@dataclass(frozen=True, eq=False)
class Category:
    """A column of text.

    Attributes:
        levels: the texts, and '(missing)' for a gap, that have an encoded column each.
        rare: whether the other texts share a column. Without it they are 0 in all columns.
    """

    levels: tuple[str, ...]
    rare: bool

    def to_values(self) -> dict[str, Any]:
        """What to save."""
        return {"levels": list(self.levels), "rare": self.rare}

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Category:
        """The category that `to_values` described."""
        return cls(tuple(values["levels"]), bool(values["rare"]))


class Embedding(NamedTuple):
    """What a student needs for one embedded column.

    Attributes:
        name: of the column.
        vectors: how many there are; the first is for every value without one of its own.
        units: numbers in a vector: half as many as there are vectors, at most 32.
    """

    name: str
    vectors: int
    units: int


@dataclass(frozen=True, eq=False)
class Embedded:
    """A category of many values.

    Attributes:
        levels: the texts, and '(missing)' for a gap, that have a vector of their own, from 1 on; 0
            is that of all others.
        spread: the columns that teachers get in place of the vector.
    """

    levels: tuple[str, ...]
    spread: Category

    def embedding(self, name: str) -> Embedding:
        """What a student needs for the column of this name."""
        vectors = len(self.levels) + 1
        return Embedding(name, vectors, max(1, min(_WIDEST, vectors // 2)))

    def to_values(self) -> dict[str, Any]:
        """What to save."""
        return {"levels": list(self.levels), "spread": self.spread.to_values()}


def embedded_columns(
    table: Table, rows: np.ndarray, embed: Sequence[str], left_out: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """By name of the columns that are embedded, the texts with a vector of their own.

    Args:
        table: whose features they are.
        rows: (n,) which of them train.
        embed: names, or a number: all categories with more values than it.
        left_out: columns of no use, which are embedded only where they are named.

    Raises:
        DataError: a name that is no category, or of which every value stands in one row only.
    """
    texts = [name for name in table.feature_names if table.kinds[name] == CATEGORY]
    found: dict[str, tuple[str, ...]] = {}
    for wanted in embed:
        if wanted.isdecimal() and wanted not in table.feature_names:
            most = int(wanted)
            many = [n for n in texts if n not in left_out and _count(table, rows, n) > most]
            found |= {name: _with_vectors(table, rows, name) for name in many}
        else:
            _refuse_other_than_text(table, wanted)
            found[wanted] = _with_vectors(table, rows, wanted)
            if not found[wanted]:
                raise DataError(
                    f"The feature '{wanted}' of '{table.name}' cannot be embedded: each of its "
                    f"values stands in one training row only; leave it out."
                )
    return {name: found[name] for name in table.feature_names if found.get(name)}


def _refuse_other_than_text(table: Table, name: str) -> None:
    if name not in table.feature_names:
        raise DataError(
            f"'{table.name}' has no feature column '{name}' to be embedded."
            f"{did_you_mean(name, table.feature_names)} It has: {listed(table.feature_names)}."
        )
    if table.kinds[name] != CATEGORY:
        raise DataError(
            f"The feature '{name}' of '{table.name}' is no category to be embedded; name it in "
            f"--categories too."
        )


def _count(table: Table, rows: np.ndarray, name: str) -> int:
    column = table.features[rows, table.feature_names.index(name)]
    return len(np.unique(column[~np.isnan(column)]))


def _with_vectors(table: Table, rows: np.ndarray, name: str) -> tuple[str, ...]:
    """The texts of enough rows, those with the most rows where they are too many; sorted."""
    column = table.features[rows, table.feature_names.index(name)]
    levels = table.levels[name]
    places = np.where(np.isnan(column), len(levels), column).astype(np.int64)
    counts = np.bincount(places, minlength=len(levels) + 1)
    enough = np.flatnonzero(counts >= _FEWEST)
    kept = np.sort(enough[np.argsort(-counts[enough], kind="stable")][:_MOST])
    return tuple([*levels, MISSING][place] for place in kept)
