"""Charts of figures that were measured, drawn from the tables of the pages that have them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tfloss.report.plots import COLOURS, line_options
from tfloss.report.theme import INK, as_svg, new_figure, new_panels
from tfloss_docs.curves import Drawn
from tfloss_docs.files import Folder

# Rows of docs/benchmarks/engine.md, as a reader knows them.
_ENGINES = {
    "tfloss.fit": "tfloss.fit",
    "JAX, lax.scan": "JAX, lax.scan",
    "PyTorch": "PyTorch",
    "TensorFlow, tf.function step by hand": "tf.function",
    "Keras fit, 50 steps": "Keras fit, at its best",
    "Keras fit": "Keras fit",
}
_TITLE = re.compile(r"^\*\*(\w): ([\d-]+), batch (\d+),.*\(time 1\)", re.MULTILINE)


def write(folder: Folder, benchmarks: Path, drawn: Mapping[str, Drawn]) -> None:
    """All charts."""
    folder.write("speed.svg", speed((benchmarks / "engine.md").read_text(encoding="utf-8")))
    folder.write("growth.svg", growth((benchmarks / "growth.md").read_text(encoding="utf-8")))
    history = benchmarks.parent / "front_page.json"
    if history.exists():
        folder.write("terms.svg", terms(json.loads(history.read_text(encoding="utf-8"))))


def rows_of(table: str) -> list[list[str]]:
    """The cells of a table of Markdown, without its head."""
    lines = [line for line in table.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def speeds(page: str) -> Iterator[tuple[str, dict[str, float]]]:
    """For each network of the page its steps per second, by engine."""
    for title in _TITLE.finditer(page):
        table = page[title.end() :].split("\n\n")[1]
        found = {row[0]: float(row[1].replace(",", "")) for row in rows_of(table)}
        yield (
            f"{title[2]}, batch {title[3]}",
            {label: found[name] for name, label in _ENGINES.items() if name in found},
        )


def speed(page: str) -> str:
    """Steps per second of each engine, a panel for each network, logarithmic."""
    found = list(speeds(page))
    figure, panels = new_panels([title for title, _ in found], width=9.6, height=2.4)
    for number, (axes, (_, values)) in enumerate(zip(panels, found, strict=True)):
        places = range(len(values))
        colours = [COLOURS[0] if name == "tfloss.fit" else "#888888" for name in values]
        bars = axes.barh(places, values.values(), color=colours, height=0.66)
        axes.bar_label(bars, [f" {value:,.0f}" for value in values.values()], fontsize=7.5)
        axes.set_xscale("log")
        axes.set_xlim(min(values.values()) / 2, max(values.values()) * 12)
        _plain_ticks(axes.xaxis)
        axes.set_ylim(len(values) - 0.5, -0.5)
        axes.set_yticks(places, list(values) if number == 0 else [""] * len(values))
        axes.grid(visible=False)
        axes.set_xlabel("steps per second")
    return as_svg(figure, "Training steps per second of tfloss and others")


def growth(page: str) -> str:
    """Time per step against each size, both logarithmic."""
    found = re.findall(r"\*\*Time per step against (\w+)\*\*\n\n(.*?)(?=\n\n|\Z)", page, re.DOTALL)
    figure, panels = new_panels([kind for kind, _ in found], width=9.6, height=2.2)
    for axes, (_, table) in zip(panels, found, strict=True):
        points = [(float(row[0]), float(row[1].replace(",", ""))) for row in rows_of(table)]
        axes.loglog(*zip(*points, strict=True), marker="o", markersize=3, **line_options(0))
        _plain_ticks(axes.xaxis)
        _plain_ticks(axes.yaxis)
    panels[0].set_ylabel("µs per step")
    return as_svg(figure, "Time per step against depth, width, batch, terms and teachers")


def _plain_ticks(axis: Any) -> None:
    """Powers of ten, and where these are few numbers between them, written out."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    subs = (1.0,) if high > 300 * low else (1.0, 3.0)
    axis.set_major_locator(LogLocator(subs=subs, numticks=6))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axis.set_minor_formatter(NullFormatter())


def terms(history: Mapping[str, list[float]]) -> str:
    """The weighted terms of a training, one upon the other: together they are the total."""
    figure, axes = new_figure("weighted terms add up to the total", width=5.2, height=3.1)
    steps = history["epochs"]
    names = [name for name in history if name not in ("epochs", "total")]
    axes.stackplot(
        steps,
        [history[name] for name in names],
        labels=names,
        colors=COLOURS[: len(names)],
        alpha=0.75,
    )
    axes.plot(steps, history["total"], color=INK, linewidth=1.4, label="total")
    axes.set_xlabel("epoch")
    axes.margins(x=0)
    figure.legend(loc="outside lower left", ncols=4, frameon=False, fontsize=8)
    return as_svg(figure, "Weighted terms of a training over its epochs")
