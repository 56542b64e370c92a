"""Plots as SVG for a page that may be light or dark: whatever is ink has the colour of the text.

Lines have no legends of their own; the page explains colours and dashes once for all figures that
share them (`line_style`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfloss.report.theme import HEIGHT, INK, as_svg, new_figure, plain_label

# After Okabe and Ito, darker or lighter so that each stands on white and on black.
COLOURS = (
    "#2f86c9", "#d9691e", "#12a37a", "#c86fa5", "#c08a10", "#4aa9d8", "#9274c4", "#888888",
)  # fmt: skip
_DASHES = ((), (5, 2), (5, 2, 1, 2), (1, 1.5), (8, 2), (3, 1, 1, 1), (2, 1), (8, 2, 2, 2))
_MARKERS = "o^sDvP*X"
MOST = len(COLOURS)  # lines that can be told apart

Curve = tuple[int, Sequence[float], Mapping[str, Sequence[float]]]  # style, steps, mean/low/high


def line_style(number: int) -> tuple[str, tuple[float, ...]]:
    """The colour of a style, and its dashes in multiples of the line's width; -1 is ink."""
    return (INK, ()) if number < 0 else (COLOURS[number % MOST], _DASHES[number % MOST])


def class_colour(code: int, classes: int) -> str:
    """The colour of a class: of the palette, or evenly around the circle where it is too small."""
    if classes <= MOST:
        return COLOURS[code]
    from matplotlib.colors import hsv_to_rgb, to_hex

    lightness = (0.85, 0.6, 0.72)[code % 3]  # neighbours on the circle differ in it too
    return to_hex(hsv_to_rgb((code / classes, 0.75, lightness)))


def line_options(number: int) -> dict[str, Any]:
    """What matplotlib is given for a line of this style."""
    colour, dashes = line_style(number)
    return {"color": colour, "linestyle": (0, dashes) if dashes else "-", "linewidth": 1.5}


def curves(
    title: str,
    lines: Sequence[Curve],
    *,
    dotted: Sequence[Curve] = (),
    goal: float | None = None,
) -> str:
    """Means over steps with their intervals as bands.

    Args:
        title: of the figure.
        lines: the curves.
        dotted: further ones; next to these the others have no dashes.
        goal: a value to draw a line at.
    """
    figure, axes = new_figure(title)
    for style, steps, band in lines:
        mean = _floats(band["mean"])
        if not len(mean):
            continue  # every training diverged
        plain = {"linestyle": "-"} if dotted else {}
        axes.plot(steps, mean, **{**line_options(style), **plain})
        low, high = _floats(band["low"]), _floats(band["high"])
        if np.isfinite(low).any() and (low != high).any():
            colour = line_style(style)[0]
            axes.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)
    for style, steps, band in dotted:
        marker = "o" if len(steps) == 1 else None  # a single point, which no line would show
        options = {**line_options(style), "linestyle": ":", "linewidth": 1.8}
        axes.plot(steps, _floats(band["mean"]), marker=marker, markersize=3, **options)
    if goal is not None:
        axes.axhline(goal, color=INK, linewidth=0.8, linestyle=":")
    every = [band[key] for _, _, band in (*lines, *dotted) for key in ("mean", "low")]
    if not logarithmic(axes, every):
        axes.locator_params(axis="y", nbins=5)
    axes.locator_params(axis="x", nbins=5)
    axes.margins(x=0.01)
    axes.set_xlabel("step")
    return as_svg(figure, title)


def logarithmic(axes: Any, curves: Sequence[Sequence[float]]) -> bool:
    """A logarithmic axis where all is positive and spans more than two orders of magnitude."""
    values = [_floats(curve) for curve in curves]
    finite = np.concatenate([np.zeros(0), *(v[np.isfinite(v)] for v in values)])
    if len(finite) and finite.min() > 0 and finite.max() / finite.min() > 100:
        axes.set_yscale("log")
        return True
    return False


def differences(title: str, rows: Sequence[tuple[str, Mapping[str, float], bool]]) -> str:
    """Paired differences to the baseline: a dot and an interval for each formula."""
    figure, axes = new_figure(title, height=0.75 + 0.27 * max(len(rows), 2))
    for place, (_, value, shown) in enumerate(rows):
        colour = COLOURS[0] if shown else "#888888"
        axes.plot([value["low"], value["high"]], [place, place], color=colour, linewidth=2)
        fill = "full" if shown else "none"
        axes.plot([value["mean"]], [place], "o", color=colour, markersize=5, fillstyle=fill)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(rows)), [_short(label) for label, _, _ in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.locator_params(axis="x", nbins=4)
    return as_svg(figure, title)


def reliability(answers: Sequence[tuple[int, Mapping[str, Any]]], said: str) -> str:
    """How often what was said with a probability came true, in ten bins."""
    title = "Reliability"
    figure, axes = new_figure(title, height=1.2 * HEIGHT)
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
    for style, one in answers:
        bins = one["reliability"]
        there = np.array(bins["count"]) > 0
        points = _floats(bins["said"])[there], _floats(bins["happened"])[there]
        axes.plot(*points, marker="o", markersize=3, **line_options(style))
    axes.set(xlabel=plain_label(said), ylabel="share that came true", xlim=(0, 1), ylim=(0, 1))
    axes.locator_params(nbins=5)
    return as_svg(figure, title)


def predicted(answers: Sequence[tuple[int, Sequence[float], Sequence[float]]]) -> str:
    """Predicted against true values: style, true and predicted values of each."""
    title = "Predicted and true"
    figure, axes = new_figure(title, height=1.2 * HEIGHT)
    every = _floats([v for _, true, said in answers for v in (*true, *said)])
    every = every[np.isfinite(every)]
    if len(every):
        ends = [every.min(), every.max()]
        axes.plot(ends, ends, color=INK, linewidth=0.8, linestyle=":")
    for style, true, said in answers:
        _dots(axes, style, _floats(true), _floats(said))
    axes.set(xlabel="true", ylabel="predicted")
    axes.locator_params(nbins=5)
    return as_svg(figure, title)


def residuals(answers: Sequence[tuple[int, Sequence[float], Sequence[float]]]) -> str:
    """What true values exceed predictions by, against the predictions."""
    title = "Residuals: true minus predicted"
    figure, axes = new_figure(title, height=1.2 * HEIGHT)
    axes.axhline(0, color=INK, linewidth=0.8, linestyle=":")
    for style, true, said in answers:
        _dots(axes, style, _floats(said), _floats(true) - _floats(said))
    axes.set(xlabel="predicted", ylabel="residual")
    axes.locator_params(nbins=5)
    return as_svg(figure, title)


def _dots(axes: Any, style: int, x: np.ndarray, y: np.ndarray) -> None:
    marker = _MARKERS[style % len(_MARKERS)]
    axes.plot(x, y, marker, color=line_style(style)[0], markersize=3, markeredgewidth=0, alpha=0.6)


def histogram(answers: Sequence[tuple[int, Mapping[str, Any]]], said: str) -> str:
    """How often each probability is said: a row for each, as high as its highest bar."""
    title = "Histogram of predicted probabilities"
    height = max(1.2 * HEIGHT, 0.55 * len(answers) + 0.7)
    figure, rows = new_figure(title, height=height, rows=max(len(answers), 1))
    for axes, (style, one) in zip(np.atleast_1d(rows), answers, strict=True):
        shares = 100 * _floats(one["histogram"]) / max(one["count"], 1)
        edges = np.linspace(0, 1, len(shares) + 1)
        colour = line_style(style)[0]
        axes.stairs(shares, edges, color=colour, alpha=0.35, fill=True)
        axes.stairs(shares, edges, color=colour, linewidth=1.1)
        axes.spines["left"].set_visible(False)
        axes.tick_params(left=False)
        highest = shares.max()
        axes.set(xlim=(0, 1), ylim=(0, 1.05 * highest))
        axes.set_yticks([highest], [f"{highest:.0f} %"])
    np.atleast_1d(rows)[-1].set_xlabel(plain_label(said))
    return as_svg(figure, title)


def shares(title: str, rows: Sequence[tuple[str, Mapping[str, float]]], names: list[str]) -> str:
    """Stacked bars: how much each term is of the whole, in the order and style of `names`."""
    figure, axes = new_figure(title, height=0.75 + 0.34 * max(len(rows), 2))
    left = np.zeros(len(rows))
    for style, name in enumerate(names):
        widths = np.nan_to_num(np.array([parts.get(name, 0.0) for _, parts in rows]))
        colour = line_style(style)[0]
        bars = axes.barh(range(len(rows)), widths, left=left, color=colour, height=0.62)
        texts = [f"{100 * width:.0f} %" if width >= 0.12 else "" for width in widths]
        axes.bar_label(bars, texts, label_type="center", color="#ffffff", fontsize=7.5)
        left += widths
    axes.set_yticks(range(len(rows)), [_short(label) for label, _ in rows])
    axes.set(xlim=(0, 1), ylim=(len(rows) - 0.5, -0.5))
    axes.set_xticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    axes.grid(visible=False, axis="y")
    return as_svg(figure, title)


def components(picture: Mapping[str, Any], first: int, second: int) -> str:
    """The rows in two principal components; training rows are marked."""
    share = picture["share"]
    title = f"Components {first + 1} and {second + 1}"
    figure, axes = new_figure(title, height=1.2 * HEIGHT)
    points, codes = np.array(picture["points"])[:, [first, second]], np.array(picture["codes"])
    train = np.array(picture["train"])
    few = train.mean() < 0.5
    for code, _ in enumerate(picture["classes"]):
        own, colour = codes == code, class_colour(code, len(picture["classes"]))
        marker = _MARKERS[code % len(_MARKERS)]
        axes.plot(*points[own].T, marker, color=colour, markersize=2.6, markeredgewidth=0,
                  alpha=0.55, rasterized=True)  # fmt: skip
        if few:
            axes.plot(*points[own & train].T, marker, color=colour, markeredgecolor=INK,
                      markeredgewidth=1.2, markersize=7)  # fmt: skip
    axes.set_xlabel(f"component {first + 1} ({100 * share[first]:.0f} % of the variance)")
    axes.set_ylabel(f"component {second + 1} ({100 * share[second]:.0f} %)")
    axes.locator_params(nbins=5)
    return as_svg(figure, title)


def _short(text: str, longest: int = 24) -> str:
    return plain_label(text if len(text) <= longest else text[: longest - 1] + "…")


def _floats(values: Sequence[Any]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], np.float64)
