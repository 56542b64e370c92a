"""Standardising the features by what the training rows look like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tfloss.errors import DataError


@dataclass(frozen=True, eq=False)
class Scaler:
    """Subtract `mean`, divide by `scale`, column by column; two plain arrays, easy to save.

    Attributes:
        mean: (d,) float64.
        scale: (d,) float64; 1 for a column that does not vary.
    """

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def fit(cls, features: np.ndarray) -> Scaler:
        """The scaler of these rows, (n, d): give it the training rows only."""
        from sklearn.preprocessing import StandardScaler

        with np.errstate(over="ignore", invalid="ignore"):  # refused in one sentence later
            fitted = StandardScaler().fit(features)
        return cls(fitted.mean_, fitted.scale_)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Scaler:
        """The scaler that `to_arrays` saved; lists, as from JSON, do as well."""
        mean, scale = (np.asarray(arrays[key], dtype=np.float64) for key in ("mean", "scale"))
        return cls(mean, scale)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What to save: `mean` and `scale`, each (d,)."""
        return {"mean": self.mean, "scale": self.scale}

    def transform(self, features: np.ndarray) -> np.ndarray:
        """Scaled features, (n, d) float64.

        Raises:
            DataError: another number of columns than the scaler was fitted on.
        """
        self._same_width(features)
        return (features - self.mean) / self.scale

    def restore(self, scaled: np.ndarray) -> np.ndarray:
        """The features before scaling, (n, d) float64, up to rounding."""
        self._same_width(scaled)
        return scaled * self.scale + self.mean

    def _same_width(self, features: np.ndarray) -> None:
        if features.shape[1] != len(self.mean):
            raise DataError(
                f"The data have {features.shape[1]} feature columns, but training had "
                f"{len(self.mean)}."
            )
