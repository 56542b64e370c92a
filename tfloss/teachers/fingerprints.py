"""Which rows an estimator was fitted on, without keeping them: a hash of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from tfloss.data import FeatureSource
from tfloss.data.blocks import row_blocks

_STEPS = 256  # in a standard deviation; float32 and undone scaling are ten thousand times finer


@dataclass(frozen=True, eq=False)
class Fingerprints:
    """Hashes of rows, equal where rows are equal up to the rounding of float32.

    Features are counted in steps of 1/256 of their standard deviation before they are hashed. A
    feature that lies within rounding of the edge of a step can hide its row (about one row in a
    thousand, by thirty features), so the number of rows found is a lower bound.

    Attributes:
        origin: (d,) float64, where steps are counted from.
        step: (d,) float64, their length.
        hashes: (n,) uint64, sorted.
    """

    origin: np.ndarray
    step: np.ndarray
    hashes: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> Fingerprints:
        """Of these rows, (n, d), as they stand in the data: not scaled."""
        rows = np.asarray(rows, dtype=np.float64)
        there = np.ma.masked_invalid(rows)
        middle, spread = there.mean(axis=0).filled(0.0), there.std(axis=0).filled(0.0)
        step = np.where(spread > 0, spread, np.maximum(np.abs(middle), 1.0)) / _STEPS
        # Data are often round numbers; an odd origin keeps them away from the edges of steps.
        origin = middle + step / np.sqrt(7.0)
        return cls(origin, step, np.unique(_hashes(rows, origin, step)))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Fingerprints:
        """What `to_arrays` gave."""
        return cls(*(np.asarray(arrays[name]) for name in ("origin", "step", "hashes")))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What to save."""
        return {"origin": self.origin, "step": self.step, "hashes": self.hashes}

    def among(self, rows: np.ndarray, apart_from: np.ndarray | None = None) -> np.ndarray:
        """(n,) bool: which of the rows (n, d), unscaled, are known, and alike to no other of them.

        Rows that are alike in all features say nothing about where they came from. Neither do rows
        that are alike to one of `apart_from`, (m, d): the rows that train here.
        """
        hashes = _hashes(np.asarray(rows, dtype=np.float64), self.origin, self.step)
        _, place, count = np.unique(hashes, return_inverse=True, return_counts=True)
        found = np.isin(hashes, self.hashes) & (count[place] == 1)
        if apart_from is None or not found.any():
            return found
        return found & ~np.isin(hashes, _hashes(apart_from, self.origin, self.step))


def comparable_rows(
    features: np.ndarray, source: FeatureSource, names: Sequence[str] = ()
) -> np.ndarray:
    """Features (n, d) of a table as numbers that mean the same in every table.

    The position of a text depends on the other texts, so each text is a number that follows from
    itself alone.

    Args:
        features: as a table holds them.
        source: their names and levels.
        names: the columns wanted, in their order; default: all.
    """
    columns = []
    place = {name: at for at, name in enumerate(source.names)}
    for name in names or source.names:
        column = np.asarray(features[:, place[name]], np.float64)
        if name in source.levels:
            numbers = np.array([*map(_number_of, source.levels[name]), np.nan])
            column = numbers[np.where(np.isnan(column), len(numbers) - 1, column).astype(np.int64)]
        columns.append(column)
    return np.column_stack(columns)


def _number_of(text: str) -> float:
    """A number from 0 to 1 that belongs to this text."""
    return int.from_bytes(blake2b(text.encode(), digest_size=6).digest(), "big") / 2**48


def _hashes(rows: np.ndarray, origin: np.ndarray, step: np.ndarray) -> np.ndarray:
    """(n,) uint64."""
    digests = bytearray()
    for block in row_blocks(*rows.shape):
        steps = np.floor((rows[block] - origin) / step)
        steps = np.nan_to_num(steps, nan=2.0**62, posinf=2.0**61, neginf=-(2.0**61))
        for row in np.clip(steps, -(2.0**62), 2.0**62).astype(np.int64):
            digests += blake2b(row, digest_size=8).digest()
    return np.frombuffer(digests, dtype=np.uint64)
