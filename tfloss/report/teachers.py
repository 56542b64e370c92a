"""What a terminal shows of teachers: that they are being asked, and how far to believe them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from tfloss.report.tables import plain_table

_SIDES = ("own rows", "out of fold", "holdout")


class AskingProgress:
    """A bar for each teacher, with the rows that it has answered; gone when all have answered."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("teacher {task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[does]}"),
            console=console,
            transient=True,
        )
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Callable[[str, int, int], None]:
        self._progress.start()
        return self._watch

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _watch(self, name: str, done: int, total: int) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total, does="")
        # Nothing answered yet: it is being fitted. All answered: its folds are.
        does = "is fitted" if done == 0 else "answers" if done < total else "is checked"
        self._progress.update(self._tasks[name], completed=done, does=does)


def trust_table(teachers: Mapping[str, Any], labels: Mapping[str, str] = {}) -> Table | None:
    """How good each teacher is on rows that it was fitted on, and on others.

    Args:
        teachers: by name, with `scores`: metrics by 'own rows', 'out of fold', 'holdout'.
        labels: how a table names each metric.

    Returns:
        None where no teacher was scored on its own rows, so that there is no gap to show.
    """
    rows = []
    for name, teacher in teachers.items():
        scores = teacher.scores
        if "own rows" not in scores or len(scores) < 2:
            continue
        for metric in scores["own rows"]:
            values = [scores.get(side, {}).get(metric) for side in _SIDES]
            rows.append((f"{name}: {labels.get(metric, metric)}", *values))
    return plain_table("Teachers", ("", *_SIDES), rows) if rows else None
