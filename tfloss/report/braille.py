"""Lines drawn in a terminal: a braille character holds two by four dots."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.text import Text

STYLES = ("cyan", "yellow", "green", "magenta")  # of the lines, where a terminal has colours
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
_BRAILLE = 0x2800

Line = tuple[str, Sequence[float]]  # what it is, and its values


def line_plot(
    title: str, x: Sequence[float], lines: Sequence[Line], *, width: int = 60, height: int = 10
) -> Text:
    """Lines over evenly spaced x, with a frame of numbers; each is named at its right end.

    Args:
        title: what is drawn.
        x: where, at least two places.
        lines: (name, values) each; values that are not finite are left out.
        width: of the drawing itself, in characters.
        height: the same.
    """
    low, high = _limits(lines)
    cells = np.zeros((height, width), int)
    owners = np.full((height, width), -1)
    for number, (_, values) in enumerate(lines):
        _draw(cells, owners, number, np.asarray(values, float), low, high)
    names = _names_at_the_right(lines, low, high, height)
    labels = {0: _figure(high), height - 1: _figure(low)}
    zero = _row(0.0, low, high, height) if low < 0 < high else None
    if zero is not None:
        labels.setdefault(zero, "0")
    margin = max(map(len, labels.values()))
    text = Text(f"{title}\n", style="")
    for row in range(height):
        text.append(f"{labels.get(row, ''):>{margin}} │")
        for cell, owner in zip(cells[row], owners[row], strict=True):
            blank = "┄" if row == zero else " "
            text.append(
                chr(_BRAILLE + cell) if cell else blank, STYLES[owner % 4] if cell else "dim"
            )
        if row in names:
            text.append(f" {lines[names[row]][0]}", STYLES[names[row] % 4])
        text.append("\n")
    text.append(f"{'':>{margin}} └{'─' * width}\n")
    ends = [_figure(x[0]), _figure((x[0] + x[-1]) / 2), _figure(x[-1])]
    between = width - sum(map(len, ends))
    text.append(f"{'':>{margin}}  {(' ' * (between // 2)).join(ends)}")
    return text


def _limits(lines: Sequence[Line]) -> tuple[float, float]:
    """The lowest and highest value, a little apart where all are equal."""
    values = np.concatenate([np.asarray(line, float) for _, line in lines])
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (low, high) if high - low > 1e-9 * max(1, abs(high)) else (low - 0.5, high + 0.5)


def _draw(
    cells: np.ndarray, owners: np.ndarray, number: int, values: np.ndarray, low: float, high: float
) -> None:
    """Set the dots of one line, enough of them that steep parts have no gaps."""
    height, width = cells.shape
    there = np.isfinite(values)
    if there.sum() < 2:
        return
    fine = np.linspace(0, len(values) - 1, 40 * width)
    levels = np.interp(fine, np.flatnonzero(there), values[there])
    columns = np.rint(fine / (len(values) - 1) * (2 * width - 1)).astype(int)
    rows = np.rint((high - levels) / (high - low) * (4 * height - 1)).astype(int)
    for row, column in zip(rows, columns, strict=True):
        cells[row // 4, column // 2] |= _DOTS[row % 4, column % 2]
        owners[row // 4, column // 2] = number


def _names_at_the_right(
    lines: Sequence[Line], low: float, high: float, height: int
) -> dict[int, int]:
    """Which line's name stands in a row: where it ends, or in the nearest row that is free."""
    names: dict[int, int] = {}
    for number, (_, values) in enumerate(lines):
        finite = [value for value in values if np.isfinite(value)]
        free = [row for row in range(height) if row not in names]
        if finite and free:
            end = _row(finite[-1], low, high, height)
            _, nearest = min((abs(row - end), row) for row in free)
            names[nearest] = number
    return names


def _row(value: float, low: float, high: float, height: int) -> int:
    return round((high - value) / (high - low) * (4 * height - 1)) // 4


def _figure(value: float) -> str:
    return f"{0.0 if abs(value) < 1e-12 else value:.3g}"
