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
        rows, size, batches = len(setups[0].data.train), config.batch_size, config.batches
        self.rows_per_epoch = rows_per_epoch(rows, size, batches)
        self._orders = [
            BatchOrder(rows, size, batches=batches, seed=setup.seed)  # type: ignore[arg-type]
            for setup in setups
        ]
        self._made: dict[tuple[int, int], np.ndarray] = {}

    def __call__(self, part: range, done: int, count: int) -> np.ndarray:
        """(count, len(part), rows_per_epoch) int32: the epochs after the first `done`."""
        first = self._orders[part.start]
        if not first.changes:
            return np.broadcast_to(first.epochs(0, 1), (count, len(part), self.rows_per_epoch))
        return np.stack([self._of(place, done, count) for place in part], axis=1)

    def _of(self, place: int, done: int, count: int) -> np.ndarray:
        if (place, done) not in self._made:
            self._made[place, done] = self._orders[place].epochs(done, count)
        return self._made[place, done]
