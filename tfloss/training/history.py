"""What was seen while training, epoch by epoch."""

from __future__ import annotations

import operator
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

MOST_EPOCHS = 20_000  # that a history keeps, so that neither memory nor files grow without end


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
        """As Keras hands it to callbacks: loss and terms by name, and the same with `val_`."""

        def named(values: dict[str, float]) -> dict[str, float]:
            return {"loss" if name == "total" else name: value for name, value in values.items()}

        train, holdout = named(self.train), named(self.holdout or {})
        return {name: train[name] for name in sorted(train)} | {
            f"val_{name}": holdout[name] for name in sorted(holdout)
        }


class History:
    """The epochs of a training, as arrays; an `Epoch` is made on access.

    Args:
        names: of the terms.
        steps_per_epoch: of every epoch.
        every: only epochs whose number it divides are kept; see `keep_latest`.

    Attributes:
        best_epoch: with early stopping, the number of the epoch whose weights were kept; else None.
        validation: with early stopping, the total on the rows set aside after each epoch.
    """

    def __init__(self, names: Sequence[str], steps_per_epoch: int, *, every: int = 1) -> None:
        self.names = tuple(names)
        self.steps_per_epoch = steps_per_epoch
        self.every = every
        self._parts: list[_Part] = []
        self._ends: list[int] = []
        self._newest: _Part | None = None
        self.best_epoch: int | None = None
        self.validation: Sequence[float] = ()

    @staticmethod
    def spacing(epochs: int) -> int:
        """How far kept epochs lie apart in so long a training: 1 up to `MOST_EPOCHS`."""
        return max(1, -(-epochs // MOST_EPOCHS))

    def extend(self, first: int, train: np.ndarray, holdout: np.ndarray | None) -> None:
        """Take in epochs that follow one another.

        Args:
            first: the number of the first, counted from 1.
            train: (epochs, 1 + terms), the total and each term.
            holdout: the same on the holdout, NaN where it was not evaluated; None without one.
        """
        if not len(train):
            return
        part = _Part(np.arange(first, first + len(train)), train, holdout)
        self._newest = part.rows(slice(-1, None))
        self._keep(part if self.every == 1 else part.rows(part.numbers % self.every == 0))

    def keep_latest(self) -> None:
        """Keep the last epoch that was taken in, whatever its number."""
        newest = self._newest
        if newest is not None and (not self._parts or self[-1].number != newest.numbers[0]):
            self._keep(newest)

    def _keep(self, part: _Part) -> None:
        if len(part.numbers):
            self._parts.append(part)
            self._ends.append(len(self) + len(part.numbers))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What a checkpoint saves: of all epochs that are kept, and of the last that was seen."""
        parts = {"kept": _joined(self._parts), "newest": self._newest}
        return {
            f"{name}:{field}": values
            for name, part in parts.items()
            if part is not None
            for field, values in vars(part).items()
            if values is not None
        }

    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over what `to_arrays` gave."""

        def part(name: str) -> _Part | None:
            if f"{name}:numbers" not in arrays:
                return None
            numbers, train = arrays[f"{name}:numbers"], arrays[f"{name}:train"]
            return _Part(numbers, train, arrays.get(f"{name}:holdout"))

        kept = part("kept")
        self._parts, self._ends = [], []
        self._newest = part("newest")
        if kept is not None:
            self._keep(kept)

    @property
    def latest(self) -> Epoch:
        """The last epoch that was taken in, kept or not."""
        if self._newest is None:
            raise IndexError("no epoch has been trained yet")
        return self._epoch(self._newest, 0)

    def column(self, name: str, split: str = "train") -> np.ndarray:
        """One curve, (epochs,) float64; NaN where the split was not evaluated."""
        at = ("total", *self.names).index(name)
        pieces = [part.column(at, split) for part in self._parts]
        return np.concatenate([np.empty(0), *pieces])

    def __iter__(self) -> Iterator[Epoch]:
        for part in self._parts:
            yield from (self._epoch(part, row) for row in range(len(part.numbers)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, index: int) -> Epoch:
        index = operator.index(index)
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(f"epoch {index} of {len(self)}")
        place = bisect_right(self._ends, at)
        start = self._ends[place - 1] if place else 0
        return self._epoch(self._parts[place], at - start)

    def _epoch(self, part: _Part, row: int) -> Epoch:
        number = int(part.numbers[row])
        holdout = None if part.holdout is None else part.holdout[row]
        evaluated = holdout is not None and not np.isnan(holdout).all()
        return Epoch(
            number,
            number * self.steps_per_epoch,
            self._named(part.train[row]),
            self._named(holdout) if evaluated and holdout is not None else None,
        )

    def _named(self, values: np.ndarray) -> dict[str, float]:
        return dict(zip(("total", *self.names), values.tolist(), strict=True))

    def as_summary(self) -> dict[str, Any]:
        """The values of the last epoch, or of that whose weights were kept.

        With those of the last evaluation on the holdout up to there.
        """
        if not len(self):
            return {}
        last = len(self) - 1
        if self.best_epoch is not None:
            last = max((at for at, e in enumerate(self) if e.number <= self.best_epoch), default=0)
        backwards = (self[at] for at in range(last, -1, -1))
        evaluated = next((epoch.holdout for epoch in backwards if epoch.holdout is not None), None)
        return {**self[last].as_dict(), "holdout": evaluated}


def _joined(parts: Sequence[_Part]) -> _Part | None:
    """Parts of one training, all with a holdout or all without."""
    if not parts:
        return None
    holdouts = [part.holdout for part in parts if part.holdout is not None]
    return _Part(
        np.concatenate([part.numbers for part in parts]),
        np.concatenate([part.train for part in parts]),
        np.concatenate(holdouts) if holdouts else None,
    )


@dataclass(frozen=True, eq=False)
class _Part:
    """Epochs that came together.

    Attributes:
        numbers: (epochs,), ascending.
        train: (epochs, 1 + terms).
        holdout: the same, or None.
    """

    numbers: np.ndarray
    train: np.ndarray
    holdout: np.ndarray | None

    def rows(self, chosen: slice | np.ndarray) -> _Part:
        """Some of the epochs."""
        holdout = None if self.holdout is None else self.holdout[chosen]
        return _Part(self.numbers[chosen], self.train[chosen], holdout)

    def column(self, at: int, split: str) -> np.ndarray:
        """(epochs,) float64 of the total (0) or a term."""
        values = self.train if split == "train" else self.holdout
        missing = np.full(len(self.numbers), np.nan)
        return missing if values is None else values[:, at].astype(np.float64)
