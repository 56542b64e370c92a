"""One self-contained HTML page about a comparison, or about one or several runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfloss.compare.words import p_text, reach_sentence, scope_sentence, sentence
from tfloss.report import plots
from tfloss.report.comparison import estimate
from tfloss.report.svg import math_svg

_MOST_FIGURES = 8  # of one kind
_LONGEST_MATH = 300  # characters of LaTeX; more would not be read


def html_page(results: Mapping[str, Any]) -> str:
    """The page for results as `tfloss.compare.results` makes them; `run_results` makes a run's."""
    from jinja2 import Environment, StrictUndefined

    template = (Path(__file__).parent / "template.html.j2").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(template).render(
        title=_title(results),
        subtitle=_subtitle(results),
        formulas=_formulas(results),
        definitions=[
            (name, math_svg(latex), latex) for name, latex in results["definitions"].items()
        ],
        words=list(_words(results)),
        tables=[*_metric_tables(results), *_reach_tables(results)],
        sections=[section for section in _sections(results) if section["figures"]],
        confusions=list(_confusions(results)),
        confusion_text=_pooled(results),
        config=_config(results),
        versions=list(results.get("versions", {}).items()),
    )


def _title(results: Mapping[str, Any]) -> str:
    formulas = results["formulas"]
    if len(formulas) == 1:
        return f"{formulas[0]} on {results['data']['name']}"
    return f"{len(formulas)} formulas on {results['data']['name']}"


def _subtitle(results: Mapping[str, Any]) -> str:
    data, seeds = results["data"], results["seeds"]
    teachers = ", ".join(f"{k} = {v['text']}" for k, v in results["teachers"].items())
    many = f"{len(seeds)} seeds" if len(seeds) > 1 else f"seed {seeds[0]}"
    return (
        f"{data['train']} rows trained, {data['holdout']} held out; {many}; "
        f"{f'teacher: {teachers}' if teachers else 'no teacher'}"
    )


def _formulas(results: Mapping[str, Any]) -> list[dict[str, str]]:
    from tfloss.formula import parse
    from tfloss.formula.latex import to_latex

    found = []
    for place, text in enumerate(results["formulas"]):
        latex = to_latex(parse(text))
        note = "the baseline" if place == results["baseline"] and len(results["seeds"]) > 1 else ""
        math = math_svg(latex) if len(latex) <= _LONGEST_MATH and place < _MOST_FIGURES else ""
        found.append({"text": _label(results, place), "math": math, "note": note})
    return found


def _label(results: Mapping[str, Any], place: int) -> str:
    return results.get("labels", results["formulas"])[place]


# -- words and tables ----------------------------------------------------------------------------


def _words(results: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    if len(results["seeds"]) < 2 or not results["tables"]:
        if results["notes"]:
            yield "", list(results["notes"])
        return
    table = results["tables"][-1]
    baseline = results["formulas"][results["baseline"]]
    compared = [f for f in results["formulas"] if f != baseline]
    for formula in compared[:_MOST_FIGURES]:
        rows = [row for row in table["rows"] if row["formula"] == formula]
        lines = []
        for row in rows:
            metric = results["metrics"][row["metric"]]
            lines.append(sentence(row, metric["label"], metric["better"]))
        lines += [reach_sentence(row) for row in table["reach"] if row["formula"] == formula]
        yield f"{formula} against {baseline}, step {table['step']}", lines
    end = [scope_sentence(results), *results["notes"]]
    if len(compared) > _MOST_FIGURES:
        end.insert(0, f"The other {len(compared) - _MOST_FIGURES} formulas are in the tables.")
    yield "", end


def _metric_tables(results: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    many = len(results["seeds"]) > 1
    baseline = results["formulas"][results["baseline"]]
    for table in reversed(results["tables"]):
        rows = []
        for name, metric in results["metrics"].items():
            own = [row for row in table["rows"] if row["metric"] == name]
            for number, row in enumerate(own):
                cells = [_cell(metric["label"] if number == 0 else ""), _cell(row["formula"])]
                cells += _row_cells(row, metric["better"], many)
                rows.append({"first": number == 0, "cells": cells})
        for number, (alias, teacher) in enumerate(results["teachers"].items()):
            for at, (name, value) in enumerate(teacher["metrics"].items()):
                who = f"{alias} alone: {teacher['text']}"
                cells = [_cell(results["metrics"][name]["label"]), _cell(who)]
                cells += _row_cells({"mean": value}, None, many)
                rows.append({"first": number + at == 0, "cells": cells})
        columns = ["", "loss", "mean [95 % interval]", f"minus {baseline}", "p (Holm)", "ahead"]
        yield {
            "title": f"Holdout, step {table['step']}",
            "caption": f"Corrected for {table['comparisons']} comparisons (Holm)." if many else "",
            "columns": columns if many else ["", "loss", "value"],
            "rows": rows,
        }


def _row_cells(row: Mapping[str, Any], better: str | None, many: bool) -> list[dict[str, str]]:
    if not many:
        return [_cell(f"{row['mean']['mean']:.4f}")]
    cells = [_cell(estimate(row["mean"]))]
    if "p" not in row:
        return [*cells, _cell(""), _cell(""), _cell("")]
    kind = ""
    if row["shown"] and better:
        kind = "good" if (row["shown"] == "up") == (better == "higher") else "bad"
    ahead = "" if better is None else f"{100 * row['ahead']['mean']:.0f} %"
    return [
        *cells,
        _cell(estimate(row["difference"], signed=True), kind),
        _cell(p_text(row["p_holm"])),
        _cell(ahead),
    ]


def _reach_tables(results: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for table in results["tables"]:
        if not table["reach"]:
            continue
        rows = []
        for row in table["reach"]:
            share = row["reached"]
            cells = [_cell(row["goal"]), _cell(row["formula"])]
            cells += _row_cells({**row, "mean": row["steps"]}, "lower", True)[:3]
            reached = "{:.0f} % [{:.0f}, {:.0f}]".format(
                *(100 * share[key] for key in ("mean", "low", "high"))
            )
            rows.append({"first": False, "cells": [*cells, _cell(reached)]})
        baseline = results["formulas"][results["baseline"]]
        yield {
            "title": "Steps to a goal",
            "caption": f"Looked at every {table['reach'][0]['every']} steps; a training that never "
            f"gets there counts {table['step']}.",
            "columns": ["goal", "loss", "steps", f"minus {baseline}", "p (Holm)", "reached"],
            "rows": rows,
        }


def _cell(text: str, kind: str = "") -> dict[str, str]:
    return {"text": text, "kind": kind}


# -- figures -------------------------------------------------------------------------------------


def _sections(results: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    labels = [_label(results, place) for place in range(len(results["formulas"]))]
    pairs = list(zip(labels, results["curves"], strict=True))
    many = len(results["seeds"]) > 1
    band = " Bands are 95 % intervals of the mean." if many else ""
    first = f" The first {plots.MOST} formulas." if len(pairs) > plots.MOST else ""
    if len(pairs) > 1 and results["tables"] and many:
        yield {
            "title": "Differences to the baseline",
            "text": "Mean over paired seeds with 95 % intervals at the last step; full dots are "
            "differences that the corrected test shows.",
            "figures": list(_difference_figures(results)),
        }
    yield {
        "title": "Convergence on the holdout",
        "text": f"{band}{first}".strip(),
        "figures": list(_metric_figures(results, pairs)),
    }
    yield {
        "title": "Terms while training",
        "text": f"Each weighted term on the training rows, and their total.{band}",
        "figures": [
            plots.curves(label, [(n, c["steps"], b) for n, b in c["train"].items()])
            for label, c in pairs[:_MOST_FIGURES]
        ],
    }
    yield {
        "title": "Share of each term in the loss",
        "text": "Absolute values, averaged over the last tenth of the training.",
        "figures": [plots.shares("Share of the loss", _term_shares(pairs[: plots.MOST]))],
    }
    two = len(results["data"]["classes"] or ()) == 2
    said = f"probability of {results['data']['classes'][1]}" if two else "probability that is given"
    answers = _shown_answers(results["answers"], results["teachers"])
    yield {
        "title": "Calibration",
        "text": "Students and teachers on the holdout"
        + (", all seeds together." if many else ".")
        + " On the dotted line what is said comes true as often as it is said.",
        "figures": [plots.reliability(answers, said), plots.histogram(answers, said)]
        if answers
        else [],
    }
    picture = results["picture"]
    there = [c for c in (1, 2) if picture and len(picture["share"]) > c]
    first_seed = f" (seed {results['seeds'][0]})" if many else ""
    left_out = f" {picture['left_out']} rows are left out." if picture.get("left_out") else ""
    yield {
        "title": "The data",
        "text": f"Principal components of the scaled features; ringed rows train"
        f"{first_seed}.{left_out}",
        "figures": [plots.components(picture, second) for second in there],
    }


def _shown_answers(answers: Mapping[str, Any], teachers: Mapping[str, Any]) -> dict[str, Any]:
    """As many students as can be told apart beside the teachers."""
    names = list(answers)
    own, taught = names[: len(names) - len(teachers)], names[len(names) - len(teachers) :]
    return {name: answers[name] for name in [*own[: plots.MOST - len(taught)], *taught]}


def _difference_figures(results: Mapping[str, Any]) -> Iterator[str]:
    table = results["tables"][-1]
    for name, metric in results["metrics"].items():
        rows = [
            (row["formula"], row["difference"], bool(row["shown"]))
            for row in table["rows"]
            if row["metric"] == name and "p" in row
        ]
        hint = {"higher": " (right is better)", "lower": " (left is better)"}
        yield plots.differences(f"{metric['label']}{hint.get(metric['better'] or '', '')}", rows)


def _metric_figures(results: Mapping[str, Any], pairs: Sequence[Any]) -> Iterator[str]:
    goals = {}
    for table in results["tables"]:
        for row in table["reach"]:
            name, _, value = row["goal"].partition("=")
            goals[name] = float(value)
    for name, metric in results["metrics"].items():
        lines = [
            (la, c["look_steps"], c["metrics"][name]) for la, c in pairs if name in c["metrics"]
        ]
        if lines and len(lines[0][1]) > 1:
            yield plots.curves(metric["label"], lines, goal=goals.get(name))
    if len(pairs) == 1 and len(pairs[0][1]["look_steps"]) > 1:
        curve = pairs[0][1]
        lines = [(name, curve["look_steps"], band) for name, band in curve["holdout"].items()]
        yield plots.curves("The same terms on the holdout", lines)


def _term_shares(pairs: Sequence[Any]) -> list[tuple[str, dict[str, float]]]:
    rows = []
    for label, curve in pairs:
        last = max(1, len(curve["steps"]) // 10)
        sizes = {
            name: sum(abs(value or 0.0) for value in band["mean"][-last:])
            for name, band in curve["train"].items()
            if name != "total"
        }
        whole = sum(sizes.values()) or 1.0
        rows.append((label, {name: size / whole for name, size in sizes.items()}))
    return rows


# -- the rest ------------------------------------------------------------------------------------


def _confusions(results: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    classes = results["data"]["classes"] or ()
    shown = _shown_answers(results["answers"], results["teachers"])
    for name, one in shown.items():
        scale = 100 / max(one["count"], 1)
        rows = [[f"{scale * cell:.1f}" for cell in row] for row in one["confusion"]]
        pairs = list(zip(classes, rows, strict=True))
        yield {"name": name, "classes": classes, "rows": pairs}


def _pooled(results: Mapping[str, Any]) -> str:
    return ", in % of all rows" + (", all seeds together" if len(results["seeds"]) > 1 else "")


def _config(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    config = results.get("config", {})
    values = {k: ", ".join(map(str, v)) if isinstance(v, list) else v for k, v in config.items()}
    seconds = ", ".join(f"{name} {value:.1f}" for name, value in results["seconds"].items())
    return [*((k, str(v)) for k, v in values.items()), ("seconds", seconds)]
