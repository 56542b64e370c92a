"""What checkpoints are called in their folder, and how many of them stay."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_KEPT = 2  # the newest, and the one before it


@dataclass(frozen=True)
class Series:
    """Numbered files of a folder.

    Attributes:
        word: before the number.
        digits: of the number, so that names sort as numbers do.
    """

    word: str
    digits: int

    def path(self, folder: Path, number: int) -> Path:
        """Of the file with this number."""
        return folder / f"{self.word}-{number:0{self.digits}d}.npz"

    def files(self, folder: Path) -> list[Path]:
        """Those that are there, the newest last."""
        return sorted(folder.glob(f"{self.word}-*.npz"))

    def newest(self, folder: Path) -> int:
        """The number of the newest; 0 where there is none."""
        numbers = (path.stem.removeprefix(f"{self.word}-") for path in self.files(folder))
        return max((int(number) for number in numbers), default=0)

    def remove_old(self, folder: Path) -> None:
        """Keep the newest and the one before it."""
        for old in self.files(folder)[:-_KEPT]:
            old.unlink(missing_ok=True)


STEPS = Series("step", 12)  # of `fit`, `fit_stream` and `fit_model`
EPOCHS = Series("epoch", 9)  # of Keras' own `fit`
