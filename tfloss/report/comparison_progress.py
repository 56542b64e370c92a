"""Progress of a comparison: a bar in a terminal, a line for each stage in a pipe."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


class ComparisonProgress:
    """Told of a stage and of the share of all steps that was done just now."""

    def __init__(self, console: Console, live: bool) -> None:
        self._console, self._live = console, live
        self._stage = ""
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task("splits and teachers", total=1.0)

    def __enter__(self) -> Callable[[str, float], None]:
        if self._live:
            self._progress.start()
        return self._tell

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._progress.stop()

    def _tell(self, stage: str, share: float) -> None:
        if self._live:
            self._progress.update(self._task, description=stage, advance=share)
        elif stage != self._stage:
            self._console.print(stage, markup=False, highlight=False)
        self._stage = stage
