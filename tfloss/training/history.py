"""What was seen while training, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Epoch:
    """One epoch, averaged over its rows.

    Attributes:
        number: counted from 1.
        step: steps done at its end.
        train: the total and each weighted term; the terms add up to the total.
        holdout: the same on the holdout, or None where it was not evaluated.
    """

    number: int
    step: int
    train: dict[str, float]
    holdout: dict[str, float] | None = None

    def as_dict(self) -> dict[str, Any]:
        """As one line of `metrics.jsonl`."""
        line: dict[str, Any] = {"epoch": self.number, "step": self.step, "train": self.train}
        if self.holdout is not None:
            line["holdout"] = self.holdout
        return line

    def as_logs(self) -> dict[str, float]:
        """As Keras callbacks expect it: loss, each term, and the same with `val_`."""
        logs = {"loss" if name == "total" else name: value for name, value in self.train.items()}
        for name, value in (self.holdout or {}).items():
            logs["val_loss" if name == "total" else f"val_{name}"] = value
        return logs


@dataclass
class History:
    """The epochs of a training; `names` are the terms."""

    names: tuple[str, ...]
    epochs: list[Epoch] = field(default_factory=list)

    def add(self, number: int, step: int, train: np.ndarray, holdout: np.ndarray | None) -> Epoch:
        """Take in one epoch's row of values."""
        evaluated = holdout is not None and not np.isnan(holdout).all()
        epoch = Epoch(
            number,
            step,
            self._named(train),
            self._named(holdout) if evaluated and holdout is not None else None,
        )
        self.epochs.append(epoch)
        return epoch

    def _named(self, values: np.ndarray) -> dict[str, float]:
        return dict(zip(("total", *self.names), map(float, values), strict=True))

    def column(self, name: str, split: str = "train") -> np.ndarray:
        """One curve, (epochs,) float64; NaN where the split was not evaluated."""
        values = (getattr(epoch, split) or {} for epoch in self.epochs)
        return np.array([value.get(name, np.nan) for value in values])

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self.epochs)

    def __len__(self) -> int:
        return len(self.epochs)

    def __getitem__(self, index: int) -> Epoch:
        return self.epochs[index]

    def as_summary(self) -> dict[str, Any]:
        """The last values: of the last epoch, and of the last that was evaluated on the holdout."""
        if not self.epochs:
            return {}
        evaluated = [epoch for epoch in self.epochs if epoch.holdout is not None]
        return {
            **self.epochs[-1].as_dict(),
            "holdout": evaluated[-1].holdout if evaluated else None,
        }
