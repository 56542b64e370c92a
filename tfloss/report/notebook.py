"""Objectives, results and runs as they look in a notebook, and their curves as figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfloss.display import in_notebook
from tfloss.objective.explain import bindings_of, terms_of
from tfloss.report.html import LONGEST_MATH
from tfloss.report.live import LiveCurves, take_over
from tfloss.report.losses import history_lines, losses_figure
from tfloss.report.theme import as_svg, math_svg

__all__ = [
    "LiveCurves",
    "comparison_html",
    "comparison_text",
    "history_figure",
    "objective_html",
    "result_html",
]


def objective_html(objective: Any) -> str:
    """The formula in mathematical notation, and tables of its terms and of the tensors they get."""
    from tfloss.formula.latex import to_latex

    latex = to_latex(objective.formula)
    terms = ("term", "coefficient", "loss", "settings", "reduction")
    tensors = ("loss", "tensor", "bound to", "shape", "from")
    return _page(
        math=math_svg(latex) if len(latex) <= LONGEST_MATH else "",
        text=objective.text,
        tables=[
            ("Terms", terms, terms_of(objective)),
            ("What each loss gets", tensors, bindings_of(objective)),
        ],
    )


def result_html(result: Any) -> str:
    """The formula, the last losses, the scores, and the curves."""
    last = result.history.as_summary()
    holdout = last.get("holdout") or {}
    losses = [
        (name, _figure(value), _figure(holdout.get(name)))
        for name, value in last.get("train", {}).items()
    ]
    shown = {name: values for name, values in result.scores.items() if values}
    metrics = dict.fromkeys(name for values in shown.values() for name in values)
    scores = [
        (result.labels.get(name, name), *(_figure(values.get(name)) for values in shown.values()))
        for name in metrics
    ]
    tables: list[Any] = [("Scores", ("", *shown), scores)] if scores else []
    if losses:
        title = f"Epoch {last['epoch']}, step {last['step']}"
        tables.insert(0, (title, ("weighted term", "train", "holdout"), losses))
    take_over(result.history)
    return _page(
        text=result.objective.text,
        tables=tables,
        picture=as_svg(_drawn(_epochs(result), result.history.names), "Losses"),
    )


def comparison_text(results: Mapping[str, Any]) -> str:
    """The tables of a comparison and what they allow to say, as a terminal shows them."""
    from io import StringIO

    from rich.console import Console

    from tfloss.report.comparison import comparison_tables, comparison_words

    console = Console(file=StringIO(), width=100)
    for table in comparison_tables(results):
        console.print(table)
    return console.file.getvalue() + "\n".join(comparison_words(results))  # type: ignore[attr-defined]


def comparison_html(results: Mapping[str, Any]) -> str:
    """The last table of a comparison, and what it allows to say."""
    from tfloss.report.comparison import comparison_words, plain_rows

    title, columns, rows = plain_rows(results)
    words = [(line,) for line in comparison_words(results)]
    tables = [(title, columns, rows)] if rows else []
    return _page(text=" · ".join(results["formulas"][:8]), tables=[*tables, ("", (), words)])


def history_figure(trained: Any) -> Any:
    """The total and each weighted term by step, on training rows and holdout: a matplotlib Figure.

    Args:
        trained: a Result, or a Run that was read back.
    """
    if in_notebook():
        _let_figures_be_shown()
    epochs = _epochs(trained)
    names = [name for name in epochs[0]["train"] if name != "total"] if epochs else []
    return _drawn(epochs, names)


def _drawn(epochs: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Any:
    return losses_figure(list(history_lines(epochs, names)))


def _epochs(trained: Any) -> list[Mapping[str, Any]]:
    """Every epoch as in `metrics.jsonl`."""
    return [one if isinstance(one, Mapping) else one.as_dict() for one in trained.history]


def _let_figures_be_shown() -> None:
    """Tell the kernel to show figures as PNG, where `%matplotlib inline` has not done so."""
    from IPython import get_ipython
    from IPython.core.pylabtools import select_figure_formats
    from matplotlib.figure import Figure

    shell = get_ipython()
    try:
        shell.display_formatter.formatters["image/png"].lookup_by_type(Figure)
    except KeyError:
        select_figure_formats(shell, {"png"})


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _page(**parts: Any) -> str:
    from jinja2 import Environment, StrictUndefined

    template = (Path(__file__).parent / "notebook.html.j2").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    parts = {"math": "", "tables": [], "picture": "", **parts}
    return environment.from_string(template).render(**parts)
