"""The losses of one training: as curves, and as a figure that stands alone with its legend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from tfloss.report.plots import line_options, logarithmic
from tfloss.report.theme import INK, new_figure, plain_label

_POINTS = 400  # of a curve
_TITLE = "Losses"
_WIDTH, _HEIGHT = 5.4, 3.0  # inches, without the legend
_LEGEND_LINE = 0.19  # inches
_LONG = 24  # characters of a label; longer ones have a line of the legend to themselves

T = TypeVar("T")


class Line(NamedTuple):
    """A curve with the style of its term; -1 is the total. On the holdout it is dotted."""

    label: str
    style: int
    steps: Sequence[float]
    values: Sequence[float]
    holdout: bool = False


def curves_of(history: Sequence[Mapping[str, Any]], terms: Sequence[str]) -> dict[str, Any]:
    """The total and each term by step, thinned; epochs as in `metrics.jsonl`."""
    thin = thinned(history)
    seen = thinned([epoch for epoch in history if "holdout" in epoch])
    names = ("total", *terms)
    return {
        "steps": [epoch["step"] for epoch in thin],
        "train": {name: _band([epoch["train"][name] for epoch in thin]) for name in names},
        "eval_steps": [epoch["step"] for epoch in seen],
        "holdout": {name: _band([epoch["holdout"][name] for epoch in seen]) for name in names},
        "metrics": {},
    }


def thinned(values: Sequence[T]) -> list[T]:
    """A few hundred of them, the last one always."""
    every = max(1, len(values) // _POINTS)
    return [*values[:-1:every], *values[-1:]]


def history_lines(history: Sequence[Mapping[str, Any]], terms: Sequence[str]) -> Iterator[Line]:
    """The total on both splits, then each term on the training rows, where there are several."""
    found = curves_of(history, terms)
    steps, train = found["steps"], found["train"]
    yield Line("total", -1, steps, train["total"]["mean"])
    if found["eval_steps"]:
        total = found["holdout"]["total"]["mean"]
        yield Line("total, holdout", -1, found["eval_steps"], total, holdout=True)
    if len(terms) > 1:
        for style, name in enumerate(terms):
            yield Line(name, style, steps, train[name]["mean"])


def losses_figure(lines: Sequence[Line], axis: str = "step") -> Any:
    """The lines over `axis` with a legend beneath: a matplotlib Figure."""
    labels = [plain_label(line.label) for line in lines]
    columns = 1 if max(map(len, labels), default=0) > _LONG else 3
    height = _HEIGHT + _LEGEND_LINE * -(-len(lines) // columns)
    figure, axes = new_figure(_TITLE, width=_WIDTH, height=height)
    drawn = []
    for line, label in zip(lines, labels, strict=True):
        options = line_options(line.style)
        if line.holdout:
            options["linestyle"] = ":"
        # A single epoch is a point, which no line would show.
        marker = "o" if len(line.steps) == 1 else None
        drawn += axes.plot(line.steps, line.values, label=label, marker=marker, **options)
    if not logarithmic(axes, [line.values for line in lines]):
        axes.locator_params(axis="y", nbins=5)
    axes.locator_params(axis="x", nbins=5, integer=True)
    axes.margins(x=0.01)
    axes.set_xlabel(axis)
    axes.grid(color=INK, alpha=0.13, linewidth=0.5)  # of ticks that are made later too
    figure.legend(
        drawn, labels, loc="outside lower left", ncols=columns, frameon=False, fontsize=8.5
    )
    return figure


def _band(values: list[float]) -> dict[str, list[float]]:
    return {"mean": values, "low": values, "high": values}
