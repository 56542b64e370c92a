"""Tables for a terminal, from plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from tfloss.data.scoring import NoScore
from tfloss.display import inert


def plain_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """A table: first column to the left, numbers to the right."""
    table = _titled(title)
    for number, column in enumerate(columns):
        justify = "left" if number == 0 else "right"
        table.add_column(cell(column), justify=justify, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*(cell(figure(value)) for value in row))
    return table


def text_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A table of words, every column to the left."""
    table = _titled(title)
    for number, column in enumerate(columns):
        width = len(column)
        table.add_column(cell(column), overflow="fold", no_wrap=number == 0, min_width=width)
    for row in rows:
        table.add_row(*map(cell, row))
    return table


def cell(text: str, style: str = "") -> Text:
    """Names, files and LaTeX as they are: brackets are no markup, escape sequences do nothing."""
    return Text(inert(text, lines=True), style)


def _titled(title: str) -> Table:
    return Table(title=cell(title, "bold"), title_justify="left", header_style="bold")


def figure(value: Any) -> str:
    """A number with four significant digits; anything else as it is.

    A metric that failed says why.
    """
    if isinstance(value, NoScore):
        return f"failed: {value.reason}"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e-3 or abs(value) >= 1e4 else f"{value:.4f}"
    return "" if value is None else str(value)


def result_tables(
    last: Mapping[str, Any],
    scores: Mapping[str, Mapping[str, float]],
    labels: Mapping[str, str] | None = None,
) -> list[Table]:
    """What stands at the end of a training: the losses, and the student next to its teachers.

    Args:
        last: `{"epoch", "step", "train": {"total", terms…}, "holdout": …}`.
        scores: metrics by 'student on holdout', 'teacher on holdout', ….
        labels: how a table names a metric.
    """
    tables = []
    if last:
        holdout = last.get("holdout") or {}
        rows = [(name, value, holdout.get(name)) for name, value in last["train"].items()]
        title = f"Epoch {last['epoch']}, step {last['step']}"
        tables.append(plain_table(title, ("weighted term", "train", "holdout"), rows))
    shown = {name: values for name, values in scores.items() if values}
    if shown:
        names = list(dict.fromkeys(name for values in shown.values() for name in values))
        scored = [
            ((labels or {}).get(name) or name, *(values.get(name) for values in shown.values()))
            for name in names
        ]
        tables.append(plain_table("Scores", ("", *shown), scored))
    return tables
