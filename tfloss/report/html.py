"""One self-contained HTML page about a comparison, or about one or several runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tfloss.comparison.analysis.verdicts import (
    describe,
    describe_diverged,
    describe_reach,
    describe_scope,
    p_text,
)
from tfloss.report.comparison import number_text
from tfloss.report.figures import answers_shown, label_of, legend_entry, sections
from tfloss.report.plots import MOST
from tfloss.report.score_matrix import score_matrix
from tfloss.report.theme import math_svg

_ROOMY = 6  # classes of a confusion table with room around its numbers
_MOST_TOLD = 8  # formulas in words and mathematics; the tables hold all
LONGEST_MATH = 300  # characters of LaTeX; more would not be read


def html_page(results: Mapping[str, Any]) -> str:
    """The page for results of a comparison, or of a run by `run_results`."""
    from jinja2 import Environment, StrictUndefined

    template = (Path(__file__).parent / "template.html.j2").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(template).render(
        title=_title(results),
        kind="comparison" if len(results["seeds"]) > 1 else "training",
        facts=list(_facts(results)),
        formulas=_formulas(results),
        definitions=[
            (name, math_svg(latex), latex) for name, latex in results["definitions"].items()
        ],
        understood=results.get("understood", ()),
        words=list(_words(results)),
        remarks=_remarks(results),
        tables=[*_metric_tables(results), *_reach_tables(results)],
        sections=[section for section in sections(results) if section["figures"]],
        confusions=list(_confusions(results)),
        confusion_text=_pooled(results),
        confusion_left_out=_too_many_classes(results),
        config=_config(results),
        versions=list(results.get("versions", {}).items()),
    )


def _title(results: Mapping[str, Any]) -> str:
    formulas = results["formulas"]
    if len(formulas) == 1:
        return f"{formulas[0]} on {results['data']['name']}"
    return f"{len(formulas)} formulas on {results['data']['name']}"


def _facts(results: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    data, seeds = results["data"], results["seeds"]
    yield "rows trained", f"{data['train']:,}"
    yield "rows held out", f"{data['holdout']:,}"
    yield ("seeds", str(len(seeds))) if len(seeds) > 1 else ("seed", str(seeds[0]))
    if results["tables"]:
        yield "steps", f"{results['tables'][-1]['step']:,}"
    for alias, teacher in results["teachers"].items():
        yield alias, teacher["text"]


def _formulas(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    from tfloss.formula import parse
    from tfloss.formula.latex import to_latex

    found = []
    for place in range(len(results["formulas"])):
        latex = to_latex(parse(results.get("sources", results["formulas"])[place]))
        many = len(results["formulas"]) > 1
        note = "baseline" if place == results["baseline"] and len(results["seeds"]) > 1 else ""
        math = math_svg(latex) if len(latex) <= LONGEST_MATH and place < _MOST_TOLD else ""
        key = legend_entry("", place) if many and place < MOST else None
        found.append({"text": label_of(results, place), "math": math, "note": note, "key": key})
    return found


# -- words and tables ----------------------------------------------------------------------------


def _words(results: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What the last table shows of each formula, with a sign for each line."""
    if len(results["seeds"]) < 2 or not results["tables"]:
        return
    table = results["tables"][-1]
    baseline = results["formulas"][results["baseline"]]
    for formula in _told(results):
        lines = []
        for row in table["rows"]:
            if row["formula"] == formula and "p" in row:
                metric = results["metrics"][row["metric"]]
                text = describe(row, metric["label"], metric["better"])
                lines.append((_judged(row, metric["better"]), text))
        lines += [
            (_judged(row, "lower"), describe_reach(row))
            for row in table["reach"]
            if row["formula"] == formula
        ]
        yield {"heading": formula, "against": baseline, "step": table["step"], "lines": lines}


def _told(results: Mapping[str, Any]) -> list[str]:
    baseline = results["formulas"][results["baseline"]]
    return [formula for formula in results["formulas"] if formula != baseline][:_MOST_TOLD]


def _remarks(results: Mapping[str, Any]) -> list[str]:
    """What holds of all formulas: what the intervals are about, and what went otherwise."""
    if len(results["seeds"]) < 2 or not results["tables"]:
        return list(results["notes"])
    left = len(results["formulas"]) - 1 - len(_told(results))
    more = [f"The other {left} formulas are in the tables."] if left else []
    return [*more, describe_scope(results), *describe_diverged(results), *results["notes"]]


def _judged(row: Mapping[str, Any], better: str | None) -> str:
    """'good', 'bad', 'other' (neither is better) or 'none' (nothing shown)."""
    if not row.get("significant"):
        return "none"
    if better is None:
        return "other"
    return "good" if (row["significant"] == "up") == (better == "higher") else "bad"


def _metric_tables(results: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if len(results["seeds"]) < 2:
        yield from score_matrix(results)
        return
    baseline = results["formulas"][results["baseline"]]
    hints = {"higher": "higher is better", "lower": "lower is better", None: ""}
    for table in reversed(results["tables"]):
        groups = []
        for name, metric in results["metrics"].items():
            own = [row for row in table["rows"] if row["metric"] == name]
            rows = [(row["formula"], "", _cells(row, metric["better"])) for row in own]
            for alias, teacher in results["teachers"].items():
                if name in teacher["metrics"]:
                    cells = _cells({"mean": teacher["metrics"][name]}, None)
                    rows.append((f"{alias} alone: {teacher['text']}", "teacher", cells))
            if rows:
                groups.append(
                    {"label": metric["label"], "hint": hints[metric["better"]], "rows": rows}
                )
        yield {
            "title": f"Holdout, step {table['step']}",
            "caption": f"Means over the seeds with 95 % intervals beneath; p corrected for "
            f"{table['comparisons']} comparisons (Holm).",
            "columns": ["loss", "mean", f"minus {baseline}", "better, p"],
            "groups": groups,
        }


def _reach_tables(results: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    baseline = results["formulas"][results["baseline"]]
    for table in results["tables"]:
        if not table["reach"]:
            continue
        groups: dict[str, list[Any]] = {}
        for row in table["reach"]:
            cells = _cells({**row, "mean": row["steps"]}, "lower")[:2]
            cells[1]["subs"] += [f"p {p_text(row['p_holm'])}"] if "p" in row else []
            share = {key: 100 * row["reached"][key] for key in ("mean", "low", "high")}
            cells.append(_cell(share, form="{:.0f} %"))
            groups.setdefault(row["goal"], []).append((row["formula"], "", cells))
        yield {
            "title": "Steps to a goal",
            "caption": f"Looked at every {table['reach'][0]['every']} steps; a training that never "
            f"gets there counts {table['step']}.",
            "columns": ["loss", "steps", f"minus {baseline}", "reached"],
            "groups": [
                {"label": goal.replace("=", " = "), "hint": "fewer steps are better", "rows": rows}
                for goal, rows in groups.items()
            ],
        }


def _cells(row: Mapping[str, Any], better: str | None) -> list[dict[str, Any]]:
    """Mean, difference to the baseline, and how often and how surely it is better."""
    nothing: dict[str, Any] = {"text": "", "subs": [], "kind": ""}
    if "p" not in row:
        return [_cell(row["mean"]), nothing, nothing]
    win_rate = "–" if better is None else f"{100 * row['win_rate']['mean']:.0f} %"
    return [
        _cell(row["mean"]),
        _cell(row["difference"], signed=True, kind=_judged(row, better)),
        {"text": win_rate, "subs": [f"p {p_text(row['p_holm'])}"], "kind": ""},
    ]


def _cell(
    value: Mapping[str, Any], *, signed: bool = False, kind: str = "", form: str = ""
) -> dict[str, Any]:
    """A mean, and its interval for the line beneath."""
    large = value["mean"]
    mean, low, high = (
        form.format(value[key]) if form else number_text(value[key], signed=signed, like=large)
        for key in ("mean", "low", "high")
    )
    sub = f"{low} to {high}" if signed else f"{low} – {high}"
    return {"text": mean.replace("-", "−"), "subs": [sub.replace("-", "−")], "kind": kind}


# -- the rest ------------------------------------------------------------------------------------


def _confusions(results: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    classes = results["data"]["classes"] or ()
    digits = 1 if len(classes) <= _ROOMY else 0
    for _, name, one in answers_shown(results):
        if one["confusion"] is None:
            continue
        scale = 100 / max(one["count"], 1)
        rows = [
            [(_share(scale * cell, digits), scale * cell) for cell in row]
            for row in one["confusion"]
        ]
        pairs = list(zip(classes, rows, strict=True))
        yield {"name": name, "classes": classes, "rows": pairs, "dense": len(classes) > _ROOMY}


def _too_many_classes(results: Mapping[str, Any]) -> str:
    """Said in place of tables that would be as large as the square of the classes."""
    if all(one["confusion"] is not None for one in results["predictions"].values()):
        return ""
    return f"Tables of {len(results['data']['classes']):,} classes are left out: more than 100."


def _share(percent: float, digits: int) -> str:
    """Nothing where nothing is, in a dense table; '<1' for less than is shown."""
    if digits:
        return f"{percent:.1f}"
    return "" if percent == 0 else "<1" if percent < 0.5 else f"{percent:.0f}"


def _pooled(results: Mapping[str, Any]) -> str:
    return ", in % of all rows" + (", all seeds together" if len(results["seeds"]) > 1 else "")


def _config(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    config = results.get("config", {})
    values = {k: ", ".join(map(str, v)) if isinstance(v, list) else v for k, v in config.items()}
    seconds = ", ".join(f"{name} {value:.1f}" for name, value in results["seconds"].items())
    said = [(k, str(v)) for k, v in values.items() if str(v) != ""]
    return [*said, ("seconds", seconds)]
