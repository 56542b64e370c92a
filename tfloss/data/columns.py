"""Rows by column: what is read, split, trained on and evaluated."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

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
        present: by column name (n,) bool, False where the value is missing; only for columns in
            which something is missing.
        sample_weight: (n,) float32, or None.
        features: (n, d) float64, the features as a table holds them, neither encoded nor scaled;
            None where they are not known, as of a stream.

    Raises:
        DataError: a column whose length is not that of the inputs.
    """

    values: dict[str, np.ndarray]
    rows: np.ndarray = field(default_factory=lambda: _NO_ROWS)
    codes: np.ndarray = field(default_factory=lambda: _NO_CODES)
    present: dict[str, np.ndarray] = field(default_factory=dict)
    sample_weight: np.ndarray | None = None
    features: np.ndarray | None = None

    def __post_init__(self) -> None:
        count = len(self.values["inputs"])
        if self.rows is _NO_ROWS:
            object.__setattr__(self, "rows", np.arange(count))
        named = {**self.values, **self.present, "sample_weight": self.sample_weight}
        named["features"] = self.features
        for name, column in named.items():
            if column is not None and len(column) != count:
                raise DataError(
                    f"The column '{name}' has {len(column)} rows, but the inputs have {count}."
                )

    def __len__(self) -> int:
        return len(self.values["inputs"])

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
