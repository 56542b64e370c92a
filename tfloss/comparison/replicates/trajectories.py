"""What the replicates of one formula went through, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tfloss.training.program.step import NEVER


@dataclass
class Trajectories:
    """All replicates of one formula.

    Attributes:
        formula: its text.
        names: its terms, and what is logged besides.
        train: (epochs, R, 1 + terms) float32: the total and each weighted term after each epoch.
        eval_epochs: (L,) epochs after which the holdout was evaluated.
        holdout: (L, R, 1 + terms) float32, the same on the holdout; NaN without one.
        logits: (L, R, rows, k) float32 on the holdout.
        bad_steps: (R,) int32, the step at which each stopped being finite; `NEVER`.
        execution: 'stacked' or 'one at a time'.
        metrics: by name (L, R) float64; see `tfloss.comparison.analysis.metrics`.
        gradients: (S, terms) the norm of each term's gradient at the end, of some replicates.
        note: why they were not stacked, a sentence, or ''.
        events: what `on_nan` and early stopping did, a sentence each.
        epochs_trained: of a replicate that was trained alone.
        logged: those of `names` that are no part of the total, such as weights of a balance.
    """

    formula: str
    names: tuple[str, ...]
    train: np.ndarray
    eval_epochs: np.ndarray
    holdout: np.ndarray
    logits: np.ndarray
    bad_steps: np.ndarray
    execution: str = "stacked"
    metrics: dict[str, np.ndarray] = field(default_factory=dict)
    gradients: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    note: str = ""
    events: tuple[str, ...] = ()
    epochs_trained: int = 0
    logged: tuple[str, ...] = ()

    @property
    def terms(self) -> tuple[str, ...]:
        """Those of `names` that add up to the total."""
        return tuple(name for name in self.names if name not in self.logged)

    @property
    def diverged(self) -> np.ndarray:
        """(R,) bool: whose loss, weights or predictions stopped being finite."""
        bad = (self.bad_steps != NEVER) | ~np.isfinite(self.train[..., 0]).all(axis=0)
        return bad | ~np.isfinite(self.logits).all(axis=(0, 2, 3))

    def put(self, at: int, one: Trajectories) -> None:
        """Let the replicate at a place be another one, which was trained alone."""
        for name in ("train", "holdout", "logits"):
            getattr(self, name)[:, at] = getattr(one, name)[:, 0]
        self.bad_steps[at] = one.bad_steps[0]
        self.events += one.events


def empty(
    formula: str,
    names: tuple[str, ...],
    shape: tuple[int, int, int, int],
    eval_epochs: Sequence[int],
    execution: str,
) -> Trajectories:
    """Trajectories full of NaN; `shape` is (epochs, replicates, rows, logits)."""
    epochs, replicates, rows, width = shape
    values = 1 + len(names)
    return Trajectories(
        formula,
        names,
        np.full((epochs, replicates, values), np.nan, np.float32),
        np.array(eval_epochs),
        np.full((len(eval_epochs), replicates, values), np.nan, np.float32),
        np.full((len(eval_epochs), replicates, rows, width), np.nan, np.float32),
        np.full(replicates, NEVER, np.int32),
        execution,
    )


def joined(pieces: Sequence[Trajectories]) -> Trajectories:
    """The same formula's replicates, some after the others."""
    if len(pieces) == 1:
        return pieces[0]
    return replace(
        pieces[0],
        train=np.concatenate([piece.train for piece in pieces], axis=1),
        holdout=np.concatenate([piece.holdout for piece in pieces], axis=1),
        logits=np.concatenate([piece.logits for piece in pieces], axis=1),
        bad_steps=np.concatenate([piece.bad_steps for piece in pieces]),
        gradients=np.concatenate([piece.gradients for piece in pieces]),
        events=tuple(event for piece in pieces for event in piece.events),
    )
