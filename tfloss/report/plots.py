"""Plots as SVG for a page that may be light or dark: whatever is ink has the colour of the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfloss.report.svg import INK, as_svg, new_figure

COLOURS = (
    "#2f86c9", "#d9691e", "#12a37a", "#c86fa5", "#d79b17", "#56b4e9", "#9274c4", "#888888",
)  # fmt: skip
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
MOST = len(COLOURS)  # lines that can be told apart

Curve = tuple[str, Sequence[float], Mapping[str, Sequence[float]]]  # label, steps, mean/low/high


def curves(title: str, lines: Sequence[Curve], *, goal: float | None = None) -> str:
    """Means over steps with their intervals as bands."""
    figure, axes = new_figure(title)
    for number, (label, steps, band) in enumerate(lines[:MOST]):
        colour, mean = COLOURS[number], _floats(band["mean"])
        if not len(mean):
            continue  # every training diverged
        axes.plot(steps, mean, color=colour, linestyle=DASHES[number], linewidth=1.6, label=label)
        low, high = _floats(band["low"]), _floats(band["high"])
        if np.isfinite(low).any() and (low != high).any():
            axes.fill_between(steps, low, high, color=colour, alpha=0.22, linewidth=0)
    if goal is not None:
        axes.axhline(goal, color=INK, linewidth=0.8, linestyle=":")
    _logarithmic(axes, lines)
    axes.set_xlabel("step")
    _legend(axes, len(lines))
    return as_svg(figure, title)


def _logarithmic(axes: Any, lines: Sequence[Curve]) -> None:
    """A logarithmic axis where all is positive and spans more than two orders of magnitude."""
    values = [_floats(band[key]) for _, _, band in lines[:MOST] for key in ("mean", "low")]
    finite = np.concatenate([np.zeros(0), *(v[np.isfinite(v)] for v in values)])
    if len(finite) and finite.min() > 0 and finite.max() / finite.min() > 100:
        axes.set_yscale("log")


def differences(title: str, rows: Sequence[tuple[str, Mapping[str, float], bool]]) -> str:
    """Paired differences to the baseline: a dot and an interval for each formula."""
    figure, axes = new_figure(title, height=0.9 + 0.28 * max(len(rows), 2))
    for place, (_, value, shown) in enumerate(rows):
        colour = COLOURS[0] if shown else "#888888"
        axes.plot([value["low"], value["high"]], [place, place], color=colour, linewidth=2)
        axes.plot([value["mean"]], [place], "o", color=colour, markersize=5, fillstyle=_fill(shown))
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(rows)), [_short(label) for label, _, _ in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    return as_svg(figure, title)


def _fill(shown: bool) -> str:
    return "full" if shown else "none"


def reliability(answers: Mapping[str, Mapping[str, Any]], said: str) -> str:
    """How often what was said with a probability came true, in ten bins."""
    title = "Reliability"
    figure, axes = new_figure(title)
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
    for number, (label, one) in enumerate(list(answers.items())[:MOST]):
        bins = one["reliability"]
        there = np.array(bins["count"]) > 0
        axes.plot(
            _floats(bins["said"])[there],
            _floats(bins["happened"])[there],
            color=COLOURS[number],
            linestyle=DASHES[number],
            marker="o",
            markersize=3,
            label=label,
        )
    axes.set(xlabel=said, ylabel="share that came true", xlim=(0, 1), ylim=(0, 1))
    _legend(axes, len(answers))
    return as_svg(figure, title)


def histogram(answers: Mapping[str, Mapping[str, Any]], said: str) -> str:
    """How often each probability is said."""
    title = "Histogram of predicted probabilities"
    figure, axes = new_figure(title)
    for number, (label, one) in enumerate(list(answers.items())[:MOST]):
        counts = _floats(one["histogram"]) / max(one["count"], 1)
        edges = np.linspace(0, 1, len(counts) + 1)
        axes.stairs(counts, edges, color=COLOURS[number], linestyle=DASHES[number], label=label)
    axes.set(xlabel=said, ylabel="share of answers", xlim=(0, 1))
    _legend(axes, len(answers))
    return as_svg(figure, title)


def shares(title: str, rows: Sequence[tuple[str, Mapping[str, float]]]) -> str:
    """Stacked bars: how much each term is of the whole."""
    figure, axes = new_figure(title, height=1.3 + 0.34 * max(len(rows), 2))
    names = list(dict.fromkeys(name for _, parts in rows for name in parts))
    left = np.zeros(len(rows))
    for number, name in enumerate(names):
        widths = np.array([parts.get(name, 0.0) for _, parts in rows])
        colour = COLOURS[number % MOST]
        axes.barh(range(len(rows)), widths, left=left, color=colour, height=0.6, label=name)
        left += widths
    axes.set_yticks(range(len(rows)), [_short(label) for label, _ in rows])
    axes.set(xlim=(0, 1), ylim=(len(rows) - 0.4, -0.6))
    _legend(axes, len(names), always=True)
    return as_svg(figure, title)


def components(picture: Mapping[str, Any], second: int) -> str:
    """The rows in the first and another principal component; training rows are marked."""
    share = picture["share"]
    title = f"Principal components 1 and {second + 1}"
    figure, axes = new_figure(title)
    points, codes = np.array(picture["points"]), np.array(picture["codes"])
    train = np.array(picture["train"])
    few = train.mean() < 0.5
    for code, name in enumerate(picture["classes"]):
        own = codes == code
        colour = COLOURS[code % MOST]
        axes.plot(*points[own][:, [0, second]].T, ".", color=colour, markersize=3.5,
                  alpha=0.55, label=str(name), rasterized=True)  # fmt: skip
        if few:
            marked = points[own & train][:, [0, second]]
            axes.plot(*marked.T, "o", color=colour, markeredgecolor=INK, markersize=7)
    axes.set_xlabel(f"component 1 ({100 * share[0]:.0f} % of the variance)")
    axes.set_ylabel(f"component {second + 1} ({100 * share[second]:.0f} %)")
    _legend(axes, len(picture["classes"]), always=True)
    return as_svg(figure, title)


def _legend(axes: Any, lines: int, always: bool = False) -> None:
    """Below the axes, where it hides nothing; long formulas are shortened."""
    if lines < 2 and not always:
        return
    handles, labels = axes.get_legend_handles_labels()
    if not labels:
        return
    axes.legend(
        handles,
        [_short(label, 46) for label in labels],
        loc="upper left",
        bbox_to_anchor=(-0.12, -0.2),
        frameon=False,
        fontsize=8,
        ncols=1 if max(map(len, labels)) > 20 else 2,
        labelcolor=INK,
    )


def _short(text: str, longest: int = 30) -> str:
    text = text.replace("$", r"\$")
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _floats(values: Sequence[Any]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], np.float64)
