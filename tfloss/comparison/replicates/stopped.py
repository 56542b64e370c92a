"""Replicates that stop being finite: what differs from a training alone, and why.

A training alone repeats the chunk in which something was not finite, with a guard around every step
(`tfloss.training.loop.nan_guard`). Here the other replicates are sound, must keep their bytes, and
would wait for another program to be compiled. A replicate never touches the numbers of another one,
so this is done instead, at no cost to a comparison in which nothing diverges: what every step and
every chunk notices of its own (`TrainState.bad_step`, `TrainState.finite`) is looked at after each
chunk. A replicate that stopped counts as NaN from that step on, and its weights go back to those
with which the chunk began and stay there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfloss.lazy import tf
from tfloss.training.program.step import NEVER, TrainState, TrainStep


class StoppedReplicates:
    """Which of R replicates stopped being finite.

    Args:
        steps: what trains them.

    Attributes:
        bad_steps: (R,) int32, the step at which each stopped being finite, or `NEVER`.
    """

    def __init__(self, steps: TrainStep) -> None:
        self._steps = steps
        self.bad_steps: np.ndarray
        self.forget()

    def forget(self) -> None:
        """A training begins."""
        self.bad_steps = np.full(self._steps.lead, NEVER, np.int32)

    @property
    def mask(self) -> np.ndarray:
        """(R,) bool: which have stopped."""
        return self.bad_steps != NEVER

    def notice(self, state: TrainState, before: list[Any]) -> None:
        """Look at a chunk that has ended.

        Args:
            state: at its end.
            before: the snapshot at its beginning.
        """
        # A weight that only the last step spoilt has not been in a total yet.
        bad = np.where(state.finite, NEVER, int(state.step) - 1).astype(np.int32)
        bad = np.minimum(bad, state.bad_step)
        self.bad_steps = np.where(self.mask, self.bad_steps, bad)
        if self.mask.any():
            self._put_back(before)

    def masked_log(self, log: np.ndarray, first_step: int) -> np.ndarray:
        """A chunk's log, (epochs, R, values), NaN from the epoch on in which a replicate stopped.

        Args:
            log: what the program wrote.
            first_step: the number of steps before the chunk.
        """
        ends = first_step + (1 + np.arange(len(log))) * self._steps.steps_per_epoch
        return np.where(ends[:, None, None] > self.bad_steps[:, None], np.float32(np.nan), log)

    def _put_back(self, before: list[Any]) -> None:
        now = self._steps.snapshot()
        stopped = tf.constant(self.mask)
        kept = [
            tf.where(tf.reshape(stopped, [-1, *[1] * (new.shape.rank - 1)]), old, new)
            if new.shape[:1] == self._steps.lead  # the number of steps, a rate: for all replicates
            else new
            for old, new in zip(before, now, strict=True)
        ]
        self._steps.restore(kept)
