"""What `tfloss.compare` and `tfloss.search` return."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tfloss.comparison.comparison import Comparison
from tfloss.comparison.folder import columns_of
from tfloss.comparison.replicates.trajectories import Trajectories
from tfloss.display import renderer


@dataclass(frozen=True)
class ComparisonResult:
    """A finished comparison: print it, or look into it.

    Attributes:
        comparison: what was asked for.
        values: all results as plain values, as `results.json` holds them: `tables`, `curves`, ….
        trajectories: for each formula the arrays of its replicates: terms, logits, metrics.
        folder: where it was written; None where nothing was.
    """

    comparison: Comparison
    values: dict[str, Any]
    trajectories: Sequence[Trajectories]
    folder: Path | None = None

    @property
    def formulas(self) -> tuple[str, ...]:
        """The formulas, ranges written out."""
        return self.comparison.formulas

    @property
    def tables(self) -> list[dict[str, Any]]:
        """For each epoch with statistics: estimates, paired differences, corrected p, win rates."""
        return self.values["tables"]

    @property
    def notes(self) -> list[str]:
        """What a reader should know, a sentence each."""
        return self.values["notes"]

    def rows(self) -> list[dict[str, Any]]:
        """One for each formula, seed and evaluation: every metric, and the total on the holdout.

        `pandas.DataFrame(result.rows())` makes a table of them.
        """
        columns = columns_of(self.comparison, self.trajectories, self.values)
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def without_folder(self) -> ComparisonResult:
        """The same, where the folder was temporary."""
        return replace(self, folder=None)

    def __repr__(self) -> str:
        seeds = len(self.values["seeds"])
        return f"<ComparisonResult: {len(self.formulas)} formulas, {seeds} seeds>"

    def __str__(self) -> str:
        return renderer().comparison_text(self.values)

    def _repr_html_(self) -> str:
        return renderer().comparison_html(self.values)
