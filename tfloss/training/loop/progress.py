"""Where a training is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Progress:
    """After a whole number of steps.

    Attributes:
        epoch: epochs done.
        steps: steps done of the epoch that is under way.
        sums: (1 + terms,) float32 of those steps: the total and each term, summed over rows; None
            where no epoch is under way.
        skipped_rows: rows of those steps that are not in the sums: they were not finite.
        ended: whether nothing is left to do.
    """

    epoch: int = 0
    steps: int = 0
    sums: np.ndarray | None = None
    skipped_rows: float = 0.0
    ended: bool = False

    def step(self, steps_per_epoch: int) -> int:
        """All steps done."""
        return self.epoch * steps_per_epoch + self.steps
