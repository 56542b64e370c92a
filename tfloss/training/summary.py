"""A finished training in a few aligned lines of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def summary_text(
    last: Mapping[str, Any],
    scores: Mapping[str, Mapping[str, float]],
    labels: Mapping[str, str],
) -> str:
    """The last losses, then every score.

    Args:
        last: `{"epoch", "step", "train": {"total", terms…}, "holdout": …}`.
        scores: metrics by 'student on holdout', 'teacher on holdout', ….
        labels: how a table names a metric.
    """
    parts = []
    if last:
        holdout = last.get("holdout") or {}
        rows = [(name, value, holdout.get(name)) for name, value in last["train"].items()]
        parts.append(_aligned((f"epoch {last['epoch']}", "train", "holdout"), rows))
    shown = {name: values for name, values in scores.items() if values}
    if shown:
        names = dict.fromkeys(name for values in shown.values() for name in values)
        scored = [
            (labels.get(name, name), *(values.get(name) for values in shown.values()))
            for name in names
        ]
        parts.append(_aligned(("", *shown), scored))
    return "\n\n".join(parts)


def _aligned(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Columns as wide as their widest entry: words to the left, numbers to the right."""
    lines = [list(header), *([name, *map(_figure, values)] for name, *values in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if column == 0 else text.rjust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
