"""Gaps filled, and categories spread over columns, by scikit-learn's transformers as plain values.

What a `ColumnTransformer` of `SimpleImputer` and `OneHotEncoder` learns from the training rows is
kept as numbers and text, which JSON holds: a run is read again without a pickle, and runs no code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfloss.data.blocks import column_blocks
from tfloss.data.categories import (
    MISSING,
    RARE,
    Category,
    Embedded,
    Embedding,
    embedded_columns,
)
from tfloss.data.kinds import CATEGORY
from tfloss.data.table import Table
from tfloss.errors import DataError

_RARE_SHARE = 100  # a category of fewer training rows than one in so many is rare
_RARE_FROM = 50  # training rows; in fewer, no category is called rare
_MOST_DIFFERENT = 0.5  # of the rows: text with more different values is a name, not a category
_FEW = 10  # different values are always a category


@dataclass(frozen=True, eq=False)
class Encoder:
    """From features as they stand in the data to numbers without gaps.

    First come the numbers, then for each that had gaps in training 1 where it is missing, then the
    columns of the categories, 1 where the row is of that category, then for each embedded one the
    position of its vector.

    Attributes:
        names: d names of the features that are used.
        kinds: by name, see `tfloss.data.kinds`.
        fill: by name of a number, what stands for a gap: the median of the training rows.
        gaps: the numbers that had gaps in training.
        categories: by name, those with a column for each.
        embedded: by name, those of which the student learns a vector for each.
        left_out: by name, why another feature is not used.
    """

    names: tuple[str, ...]
    kinds: Mapping[str, str]
    fill: Mapping[str, float]
    gaps: tuple[str, ...] = ()
    categories: Mapping[str, Category] = field(default_factory=dict)
    embedded: Mapping[str, Embedded] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def fitted_on(cls, table: Table, rows: np.ndarray, embed: Sequence[str] = ()) -> Encoder:
        """The encoder of these rows, (n,) row numbers; give it those that train.

        Args:
            table: with the features.
            rows: row numbers.
            embed: categories that are embedded: names, or a number: all with more values than it.

        Raises:
            DataError: no feature is of any use, or one that cannot be embedded.
        """
        place = {name: at for at, name in enumerate(table.feature_names)}
        left_out = _useless(table, rows)
        vectors = embedded_columns(table, rows, embed, left_out)
        left_out = {name: why for name, why in left_out.items() if name not in vectors}
        used = [name for name in table.feature_names if name not in left_out]
        if not used:
            reasons = "; ".join(f"'{name}' {reason}" for name, reason in left_out.items())
            raise DataError(f"No feature of '{table.name}' can be used: {reasons}.")
        numbers = [name for name in used if table.kinds[name] != CATEGORY]
        texts = [name for name in used if table.kinds[name] == CATEGORY]
        fill, gaps = _medians(table, rows, numbers)
        categories: dict[str, Category] = {}
        if texts:
            found = one_hot_encoder(len(rows)).fit(_some(table, rows, [place[n] for n in texts]))
            known = zip(texts, found.categories_, found.infrequent_categories_, strict=True)
            categories = {n: _category(table.levels[n], all_, rare) for n, all_, rare in known}
        embedded = {n: Embedded(levels, categories.pop(n)) for n, levels in vectors.items()}
        kinds = {name: table.kinds[name] for name in used}
        return cls(tuple(used), kinds, fill, gaps, categories, embedded, left_out)

    @property
    def n_numbers(self) -> int:
        """How many encoded columns are numbers; they come first, and only they are scaled."""
        return len(self.fill)

    @property
    def encoded_names(self) -> tuple[str, ...]:
        """The names of the encoded columns: 'age', 'age missing', 'city=Rome', 'city=(rare)'."""
        spread = [
            f"{name}={level}"
            for name, category in self.categories.items()
            for level in (*category.levels, *([RARE] if category.rare else []))
        ]
        gaps = (f"{name} missing" for name in self.gaps)
        return (*self.fill, *gaps, *spread, *self.embedded)

    @property
    def texts(self) -> tuple[str, ...]:
        """The names of all categories, embedded or not."""
        return (*self.categories, *self.embedded)

    @property
    def embeddings(self) -> tuple[Embedding, ...]:
        """What a student needs for the embedded columns, the last of the encoded ones."""
        return tuple(one.embedding(name) for name, one in self.embedded.items())

    def spread_out(self, encoded: np.ndarray) -> np.ndarray:
        """Encoded rows (n, m), scaled or not, with columns of 0 and 1 in place of positions.

        So teachers see embedded columns, which learn no vectors, as they see other categories.
        """
        count = len(self.embedded)
        if not count:
            return encoded
        parts = [encoded[:, :-count]]
        for at, one in enumerate(self.embedded.values()):
            width = len(one.spread.levels) + one.spread.rare
            columns = _columns_of(one.spread, one.levels)
            columns[-1] = width - 1 if one.spread.rare else -1  # of position 0, all others
            chosen = columns[encoded[:, at - count].astype(np.int64) - 1]
            parts.append((chosen[:, None] == np.arange(width)).astype(encoded.dtype))
        return np.concatenate(parts, axis=1)

    def encode(self, table: Table, rows: np.ndarray | None = None) -> np.ndarray:
        """(n, m) float64 of these rows (default: all).

        Raises:
            DataError: a column is missing, or holds another kind of values.
        """
        table = table.with_features(self.names)
        self._refuse_other_kinds(table)
        features = table.features if rows is None else table.features[rows]
        return self.transform(features, table.levels)

    def transform(self, features: np.ndarray, levels: Mapping[str, Sequence[str]]) -> np.ndarray:
        """(n, m) float64 for (n, d) features as a table of these levels holds them."""
        place = {name: at for at, name in enumerate(self.names)}
        encoded = np.zeros((len(features), len(self.encoded_names)))
        for at, (name, fill) in enumerate(self.fill.items()):
            column = features[:, place[name]]
            encoded[:, at] = np.where(np.isnan(column), fill, column)
        at = len(self.fill)
        for name in self.gaps:
            encoded[:, at] = np.isnan(features[:, place[name]])
            at += 1
        for name, category in self.categories.items():
            width = len(category.levels) + category.rare
            columns = _columns_of(category, levels.get(name, ()))
            column = features[:, place[name]]
            # A gap is behind all levels.
            chosen = columns[np.where(np.isnan(column), len(columns) - 1, column).astype(np.int64)]
            there = np.flatnonzero(chosen >= 0)
            encoded[there, at + chosen[there]] = 1.0
            at += width
        for name, one in self.embedded.items():
            encoded[:, at] = _positions_of(one, features[:, place[name]], levels.get(name, ()))
            at += 1
        return encoded

    def numbers(self, table: Table, rows: np.ndarray | None, block: slice) -> np.ndarray:
        """(n, w) float64: some of the numbers of these rows (default: all), gaps filled."""
        place = {name: at for at, name in enumerate(table.feature_names)}
        chosen = list(self.fill.items())[block]
        found = _some(table, rows, [place[name] for name, _ in chosen])
        return np.where(np.isnan(found), [fill for _, fill in chosen], found)

    def _refuse_other_kinds(self, table: Table) -> None:
        """Text where numbers were, which no fill can repair; numbers where text was are text."""
        for name in self.fill:
            if table.kinds[name] != CATEGORY:
                continue
            column = table.features[:, table.feature_names.index(name)]
            there = np.flatnonzero(~np.isnan(column))
            if len(there):
                text = table.levels[name][int(column[there[0]])]
                raise DataError(
                    f"The feature '{name}' of '{table.name}' holds {text!r} in row {there[0]} "
                    f"(counted from 0), but training had numbers in it; fix the column."
                )
        for name in self.texts:
            if table.kinds[name] != CATEGORY:
                raise DataError(
                    f"The feature '{name}' of '{table.name}' holds numbers, but training had text "
                    f"in it; take it as text (categories)."
                )

    def to_values(self) -> dict[str, Any]:
        """What to save, as JSON keeps it."""
        return {
            "names": list(self.names),
            "kinds": dict(self.kinds),
            "fill": dict(self.fill),
            "gaps": list(self.gaps),
            "categories": {name: one.to_values() for name, one in self.categories.items()},
            "embedded": {name: one.to_values() for name, one in self.embedded.items()},
            "left_out": dict(self.left_out),
        }

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Encoder:
        """The encoder that `to_values` described."""
        categories = {name: Category.from_values(one) for name, one in values["categories"].items()}
        embedded = {
            name: Embedded(tuple(one["levels"]), Category.from_values(one["spread"]))
            for name, one in values.get("embedded", {}).items()
        }
        return cls(
            tuple(values["names"]),
            dict(values["kinds"]),
            dict(values["fill"]),
            tuple(values["gaps"]),
            categories,
            embedded,
            dict(values["left_out"]),
        )


def one_hot_encoder(rows: int) -> Any:
    """scikit-learn's, for so many training rows; categories of few rows share a column."""
    from sklearn.preprocessing import OneHotEncoder

    fewest = -(-rows // _RARE_SHARE) if rows >= _RARE_FROM else 1
    return OneHotEncoder(
        min_frequency=max(fewest, 2 if rows >= _RARE_FROM else 1),
        handle_unknown="infrequent_if_exist",
        sparse_output=False,
    )


def _medians(
    table: Table, rows: np.ndarray, numbers: Sequence[str]
) -> tuple[dict[str, float], tuple[str, ...]]:
    """By column of numbers what stands for a gap; and which columns have gaps in these rows."""
    from sklearn.impute import SimpleImputer

    place = {name: at for at, name in enumerate(table.feature_names)}
    fill: dict[str, float] = {}
    gaps: list[str] = []
    for block in column_blocks(len(rows), len(numbers)) if numbers else ():
        names = numbers[block]
        imputer = SimpleImputer(strategy="median", add_indicator=True)
        imputer.fit(_some(table, rows, [place[name] for name in names]))
        fill |= zip(names, imputer.statistics_.tolist(), strict=True)
        gaps += [names[at] for at in imputer.indicator_.features_]
    return fill, tuple(gaps)


def _some(table: Table, rows: np.ndarray | None, places: Sequence[int]) -> np.ndarray:
    """(n, w) float64: some columns of these rows (default: all)."""
    columns = table.features[:, list(places)]
    return np.asarray(columns if rows is None else columns[rows], np.float64)


def _useless(table: Table, rows: np.ndarray) -> dict[str, str]:
    """The features that tell nothing in these rows, with the reason."""
    found = {}
    for block in column_blocks(len(rows), len(table.feature_names)):
        columns = table.features[:, block][rows]
        there = (~np.isnan(columns)).sum(axis=0)
        for at, name in enumerate(table.feature_names[block]):
            if not there[at]:
                found[name] = "has no value in any training row"
            elif table.kinds[name] == CATEGORY:
                different = len(np.unique(columns[~np.isnan(columns[:, at]), at]))
                if different > max(_FEW, _MOST_DIFFERENT * there[at]):
                    found[name] = (
                        f"is text with {different} different values in {there[at]} training rows, "
                        f"a name rather than a category"
                    )
    return found


def _category(levels: Sequence[str], known: np.ndarray, infrequent: np.ndarray | None) -> Category:
    rare = set() if infrequent is None else set(infrequent.tolist())
    texts = tuple(_text(levels, code) for code in known.tolist() if not _among(code, rare))
    return Category(texts, bool(rare))


def _among(code: float, codes: set[float]) -> bool:
    return code in codes or (code != code and any(one != one for one in codes))


def _text(levels: Sequence[str], code: float) -> str:
    return MISSING if code != code else levels[int(code)]


def _positions_of(one: Embedded, column: np.ndarray, levels: Sequence[str]) -> np.ndarray:
    """(n,) which vector each row has: 0 is that of all texts without one of their own."""
    place = {text: at for at, text in enumerate(one.levels, start=1)}
    positions = np.array([place.get(text, 0) for text in (*levels, MISSING)], dtype=np.int64)
    return positions[np.where(np.isnan(column), len(levels), column).astype(np.int64)]


def _columns_of(category: Category, levels: Sequence[str]) -> np.ndarray:
    """(levels + 1,) which column of the category each level, and at the end a gap, belongs to."""
    place = {text: at for at, text in enumerate(category.levels)}
    other = len(category.levels) if category.rare else -1
    return np.array([place.get(text, other) for text in (*levels, MISSING)], dtype=np.int64)
