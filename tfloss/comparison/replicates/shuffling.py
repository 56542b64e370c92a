"""The batches of many replicates: for every seed those of a training alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfloss.comparison.replicates.seeds import SeedSetup
from tfloss.training.config import Config
from tfloss.training.loop.shuffling import BatchOrder, rows_per_epoch


class BatchOrders:
    """Made once for all formulas, which see the same batches.

    Attributes:
        rows_per_epoch: how many rows, repeated ones counted, an epoch goes over.
    """

    def __init__(self, setups: Sequence[SeedSetup], config: Config) -> None:
        self._seeds = [setup.seed for setup in setups]
        self._rows = len(setups[0].data.train)
        self._config = config
        self.rows_per_epoch = rows_per_epoch(self._rows, config.batch_size, config.batches)
        self._made: dict[tuple[int, int], np.ndarray] = {}

    def __call__(self, part: range, done: int, count: int) -> np.ndarray:
        """(count, len(part), rows_per_epoch) int32: the epochs after the first `done`."""
        return np.stack([self._of(self._seeds[place], done, count) for place in part], axis=1)

    def _of(self, seed: int, done: int, count: int) -> np.ndarray:
        if (seed, done) not in self._made:
            size, batches = self._config.batch_size, self._config.batches
            order = BatchOrder(self._rows, size, batches=batches, seed=seed)  # type: ignore[arg-type]
            self._made[seed, done] = order.epochs(done, count)
        return self._made[seed, done]
