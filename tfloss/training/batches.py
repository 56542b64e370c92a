"""In which order the rows are seen."""

from __future__ import annotations

import numpy as np


class BatchOrder:
    """A new order of the rows for every epoch, the same for the same seed.

    Args:
        rows: how many there are.
        batch_size: rows per step; the last step of an epoch may have fewer.
        shuffle: whether the order changes.
        seed: of the order; epoch k has the same order wherever a run starts.
    """

    def __init__(self, rows: int, batch_size: int, *, shuffle: bool = True, seed: int = 0) -> None:
        self.rows = rows
        self.batch_size = min(batch_size, rows)
        self.shuffle = shuffle and self.batch_size < rows
        self.seed = seed

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.rows // self.batch_size)

    def epochs(self, first: int, count: int) -> np.ndarray:
        """The row numbers of `count` epochs, (count, rows) int32."""
        if not self.shuffle:
            return np.tile(np.arange(self.rows, dtype=np.int32), (count, 1))
        return np.stack([self._epoch(first + offset) for offset in range(count)])

    def _epoch(self, epoch: int) -> np.ndarray:
        generator = np.random.default_rng((self.seed, epoch))
        return generator.permutation(self.rows).astype(np.int32)
