"""The orders of the rows of many replicates: for every seed that of a training alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfloss.comparison.replicates.seeds import SeedSetup
from tfloss.training.config import Config
from tfloss.training.loop.shuffling import BatchOrder


class Shuffles:
    """Made once for all formulas, which see the same orders."""

    def __init__(self, setups: Sequence[SeedSetup], config: Config) -> None:
        self._seeds = [setup.seed for setup in setups]
        self._rows = len(setups[0].data.train)
        self._batch_size = config.batch_size
        self._shuffle = config.shuffle and config.batch_size < self._rows
        self._made: dict[tuple[int, int], np.ndarray] = {}

    def __call__(self, part: range, done: int, count: int) -> np.ndarray:
        """(count, len(part), rows) int32: the epochs after the first `done`, of some seeds."""
        if not self._shuffle:
            rows = np.arange(self._rows, dtype=np.int32)
            return np.tile(rows, (count, len(part), 1))
        return np.stack([self._of(self._seeds[place], done, count) for place in part], axis=1)

    def _of(self, seed: int, done: int, count: int) -> np.ndarray:
        if (seed, done) not in self._made:
            order = BatchOrder(self._rows, self._batch_size, shuffle=True, seed=seed)
            self._made[seed, done] = order.epochs(done, count)
        return self._made[seed, done]
