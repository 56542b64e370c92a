"""Rows by column: what is read, split, trained on and evaluated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfloss.data.blocks import TakenRows
from tfloss.errors import DataError

_NO_CODES = np.zeros(0, np.int64)
_NO_ROWS = np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Columns:
    """Some rows, by column.

    Attributes:
        values: by name, (n, …) each, float32 or whole numbers; always `inputs`. A value that is
            missing is 0 here.
        rows: (n,) int64, where the rows come from in their table, for messages; default: counted
            from 0.
        codes: (n,) int64 class positions, -1 without a label; empty where they are not known, and
            for regression.
        present: by column name bool, False where the value is missing, (n,) or, where elements of
            rows are, (n, k); only for columns in which something is missing.
        sample_weight: (n,) float32, or None.
        class_weight: (n,) float32, what training multiplies the sample weights with, and scores do
            not; or None.
        features: (n, d) float64, the features as a table holds them, neither encoded nor scaled; of
            a large table `TakenRows`, which are copied when they are asked for. None where they are
            not known, as of a stream. In estimators also scipy's sparse rows.

    Raises:
        DataError: a column whose length is not that of the inputs.
    """

    values: dict[str, np.ndarray]
    rows: np.ndarray = field(default_factory=lambda: _NO_ROWS)
    codes: np.ndarray = field(default_factory=lambda: _NO_CODES)
    present: dict[str, np.ndarray] = field(default_factory=dict)
    sample_weight: np.ndarray | None = None
    features: Any = None
    class_weight: np.ndarray | None = None

    def __post_init__(self) -> None:
        count = len(self.values["inputs"])
        if self.rows is _NO_ROWS:
            object.__setattr__(self, "rows", np.arange(count))
        named = {**self.values, **self.present, "sample_weight": self.sample_weight}
        named |= {"features": self.features, "class_weight": self.class_weight}
        for name, column in named.items():
            if column is not None and column.shape[0] != count:
                raise DataError(
                    f"The column '{name}' has {column.shape[0]} rows, but the inputs have {count}."
                )

    def __len__(self) -> int:
        return len(self.values["inputs"])

    @property
    def weight(self) -> np.ndarray | None:
        """(n,) float32, how much each row counts in training; None: all alike."""
        if self.sample_weight is None or self.class_weight is None:
            return self.class_weight if self.sample_weight is None else self.sample_weight
        return self.sample_weight * self.class_weight

    def at(self, positions: np.ndarray) -> Columns:
        """The rows at these positions."""

        def chosen(column: np.ndarray | None) -> np.ndarray | None:
            return None if column is None else column[positions]

        features = self.features
        lazy = isinstance(features, TakenRows)
        features = features.at(positions) if lazy else chosen(features)
        return Columns(
            {name: column[positions] for name, column in self.values.items()},
            rows=self.rows[positions],
            codes=self.codes[positions] if len(self.codes) else self.codes,
            present={name: there[positions] for name, there in self.present.items()},
            sample_weight=chosen(self.sample_weight),
            features=features,
            class_weight=chosen(self.class_weight),
        )

    @property
    def inputs(self) -> np.ndarray:
        """(n, …), scaled."""
        return self.values["inputs"]

    @property
    def labels(self) -> np.ndarray:
        """float32: (n, 1) for two classes or regression, (n, C) one-hot for C classes."""
        return self.values["labels"]

    @property
    def labelled(self) -> np.ndarray:
        """(n,) bool: which rows have a label."""
        return self.present.get("labels", np.ones(len(self), dtype=bool))
