"""A comparison in the terminal: tables, and sentences that say what they allow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from tfloss.comparison.analysis.verdicts import (
    describe,
    describe_diverged,
    describe_reach,
    describe_scope,
    p_text,
)
from tfloss.report.tables import cell

_SHOWN = 12  # formulas in a table of the terminal; the folder holds all


def comparison_tables(results: Mapping[str, Any]) -> list[Any]:
    """A table for each epoch at which statistics were made, and one for the goals."""
    tables = []
    for table in results["tables"]:
        tables.append(_metric_table(results, table))
        if table["reach"]:
            tables.append(_reach_table(results, table))
    return tables


def comparison_words(results: Mapping[str, Any]) -> list[str]:
    """What the last table shows about each formula, and what its intervals are about."""
    if not results["tables"]:
        return ["There is no holdout, so nothing was measured."]
    table = results["tables"][-1]
    baseline = results["formulas"][results["baseline"]]
    lines = []
    for formula in results["formulas"]:
        rows = [row for row in table["rows"] if row["formula"] == formula and "p" in row]
        if not rows:
            continue
        lines.append(f"{formula}  against  {baseline}, step {table['step']}:")
        for row in rows:
            metric = results["metrics"][row["metric"]]
            lines.append("  " + describe(row, metric["label"], metric["better"]))
        reached = [row for row in table["reach"] if row["formula"] == formula]
        lines += ["  " + describe_reach(row) for row in reached]
    return [*lines, describe_scope(results), *describe_diverged(results), *results["notes"]]


def _metric_table(results: Mapping[str, Any], table: Mapping[str, Any]) -> Table:
    baseline = results["formulas"][results["baseline"]]
    title = f"Step {table['step']}, holdout, {len(results['seeds'])} seeds: mean [95 % interval]"
    made = _table(title, ("", "loss", "mean", f"minus {baseline}", "p (Holm)", "better on"))
    for name, metric in results["metrics"].items():
        rows = [row for row in table["rows"] if row["metric"] == name][:_SHOWN]
        for number, row in enumerate(rows):
            made.add_row(
                cell(metric["label"] if number == 0 else ""),
                cell(row["formula"]),
                cell(estimate(row["mean"])),
                *_compared(row, metric["better"]),
                end_section=number == len(rows) - 1,
            )
    for alias, teacher in results["teachers"].items():
        for name, value in teacher["metrics"].items():
            label = results["metrics"][name]["label"]
            made.add_row(
                cell(label), cell(f"{alias} alone: {teacher['text']}"), cell(estimate(value))
            )
    return made


def plain_rows(
    results: Mapping[str, Any],
) -> tuple[str, tuple[str, ...], list[tuple[str, ...]]]:
    """The last table of metrics as a title, columns and rows of text."""
    baseline = results["formulas"][results["baseline"]]
    columns = ("", "loss", "mean", f"minus {baseline}", "p (Holm)", "better on")
    if not results["tables"]:
        return "", columns, []
    table = results["tables"][-1]
    rows: list[tuple[str, ...]] = []
    for name, metric in results["metrics"].items():
        for row in [row for row in table["rows"] if row["metric"] == name][:_SHOWN]:
            compared: tuple[str, ...] = ("", "", "")
            if "p" in row:
                rate = f"{100 * row['win_rate']['mean']:.0f} %" if metric["better"] else ""
                difference = estimate(row["difference"], signed=True)
                compared = (difference, p_text(row["p_holm"]), rate)
            rows.append((metric["label"], row["formula"], estimate(row["mean"]), *compared))
    return f"Step {table['step']}, holdout, {len(results['seeds'])} seeds", columns, rows


def _compared(row: Mapping[str, Any], better: str | None) -> tuple[str | Text, str, str]:
    if "p" not in row:
        return "", "", ""
    moved = {"up": "higher", "down": "lower"}.get(row["significant"])
    style = ("green" if moved == better else "red") if moved and better else ""
    difference = cell(estimate(row["difference"], signed=True), style)
    win_rate = "" if better is None else f"{100 * row['win_rate']['mean']:.0f} %"
    return difference, p_text(row["p_holm"]), win_rate


def _reach_table(results: Mapping[str, Any], table: Mapping[str, Any]) -> Table:
    baseline = results["formulas"][results["baseline"]]
    made = _table(
        f"Steps to a goal; looked at every {table['reach'][0]['every']} steps, and a training that "
        f"never gets there counts {table['step']}",
        ("goal", "loss", "steps", f"minus {baseline}", "p (Holm)", "reached"),
    )
    for row in table["reach"]:
        reached = row["reached"]
        made.add_row(
            cell(row["goal"]),
            cell(row["formula"]),
            cell(estimate(row["steps"])),
            *_compared(row, "lower")[:2],
            cell(
                f"{100 * reached['mean']:.0f} % "
                f"[{100 * reached['low']:.0f}, {100 * reached['high']:.0f}]"
            ),
        )
    return made


def _table(title: str, columns: tuple[str, ...]) -> Table:
    table = Table(title=cell(title, "bold"), title_justify="left", header_style="bold")
    for number, column in enumerate(columns):
        side = "left" if number < 2 else "right"
        table.add_column(cell(column), justify=side, overflow="fold")  # type: ignore[arg-type]
    return table


def estimate(value: Mapping[str, Any], *, signed: bool = False) -> str:
    """'0.9012 [0.8950, 0.9071]'."""
    mean, low, high = (
        number_text(value[key], signed=signed, like=value["mean"])
        for key in ("mean", "low", "high")
    )
    return f"{mean} [{low}, {high}]"


def number_text(value: float | None, *, signed: bool = False, like: float | None = None) -> str:
    """Four decimals, two above 10, one above 100; of the size of `like`, where it is given."""
    if value is None or value != value:
        return "–"
    size = abs(value if like is None or like != like else like)
    decimals = 4 if size < 10 else 2 if size < 100 else 1
    return f"{value:{'+' if signed else ''}.{decimals}f}"
