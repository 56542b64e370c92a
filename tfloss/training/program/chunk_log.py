"""What one call of a compiled program reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tfloss.lazy import tf
from tfloss.training.program.step import NEVER, TrainState


@dataclass(frozen=True)
class ChunkLog:
    """What a chunk of epochs reports.

    Attributes:
        train: (epochs, 1 + terms) float32: the total and each term, averaged over the epoch's rows.
        holdout: the same on the holdout after each epoch, NaN where it was not evaluated; None
            without a holdout.
        bad: the first step whose total was not finite: its number, its total and terms; or None.
        rolled_back: how many steps were rolled back, where a `NanPolicy` was in force.
        steps: how many were tried.
        finite: whether all weights are, at the end.
    """

    train: np.ndarray
    holdout: np.ndarray | None
    bad: tuple[int, np.ndarray] | None
    rolled_back: int = 0
    steps: int = 0
    finite: bool = True


def log_of(
    state: TrainState, first_step: int, train: np.ndarray, holdout: np.ndarray | None
) -> ChunkLog:
    """The averages of a call's epochs with the state at its end."""
    step = int(state.bad_step)
    bad = None if step == NEVER else (step, state.bad_values.numpy())
    steps = int(state.step) - first_step
    return ChunkLog(train, holdout, bad, int(state.rolled_back), steps, bool(state.finite))


def with_row(log: Any, number: Any, row: Any) -> Any:
    """In a program: a log of epochs, (epochs, …), with one of its rows written."""
    return tf.tensor_scatter_nd_update(log, [[number]], [row])
