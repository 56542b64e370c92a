"""A run as results that the page can show: one seed, no intervals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfloss.comparison.analysis.definitions import definitions_of
from tfloss.comparison.analysis.predictions import describe_predictions, pca_points
from tfloss.comparison.analysis.results import gradient_shares
from tfloss.data import leak_warning
from tfloss.errors import UsageError
from tfloss.io.atomic import write_text
from tfloss.registry import Registry
from tfloss.report.html import html_page
from tfloss.report.losses import curves_of
from tfloss.runs.folder import Run, read_run
from tfloss.training.gradient_norms import gradients_of
from tfloss.training.scores import as_columns, predict

ANSWERS, REPORT = "answers.json", "report.html"
MOST_POINTS = 400  # of a picture of regression; more cannot be told apart


def run_description(result: Any, batch_size: int) -> dict[str, str]:
    """What a report needs besides the figures, as files for `write_run`.

    Args:
        result: what `fit` returned; its student predicts the holdout once more.
        batch_size: rows per step.
    """
    return {ANSWERS: json.dumps(_answers(result, batch_size)) + "\n"}


def write_run_report(folder: Path, registry: Registry) -> Path:
    """Write the page of a run whose folder holds its description."""
    page = html_page(run_results([read_run(folder)], registry))
    write_text(folder / REPORT, page)
    return folder / REPORT


def _answers(result: Any, batch_size: int) -> dict[str, Any]:
    data = result.data
    found_norms = gradients_of(result, batch_size)
    norms = {n: v for n, v in found_norms.items() if n not in result.objective.logged}
    found: dict[str, Any] = {
        "pca": pca_points(data),
        "student": None,
        "teachers": {},
        "gradients": gradient_shares(list(norms), np.array([list(norms.values())])),
    }
    if data.task == "regression" and len(data.holdout):
        rows = np.flatnonzero(data.holdout.labelled)[:MOST_POINTS]
        found["predicted"] = {
            "true": _column(data.holdout.labels[rows]),
            "student": _column(predict(result.student, data.holdout.inputs[rows], data.task)),
            "teachers": {
                alias: _column(teacher.predictions_holdout[rows])
                for alias, teacher in result.teachers.items()
                if teacher.present_holdout is None
            },
        }
    if data.task == "classification" and len(data.holdout):
        rows = data.holdout.labelled
        truth = data.holdout.codes[rows]
        student = predict(result.student, data.holdout.inputs, data.task)[rows]
        found["student"] = describe_predictions(truth, student)
        for alias, teacher in result.teachers.items():
            answers = as_columns(teacher.predictions_holdout)[rows]
            answers /= answers.sum(axis=1, keepdims=True)  # float32 answers add up to nearly 1
            found["teachers"][alias] = describe_predictions(truth, answers)
    return found


def _column(values: np.ndarray) -> list[float]:
    """The first output, in six digits."""
    return [float(f"{value:.6g}") for value in np.asarray(values, np.float64)[:, 0]]


def run_results(runs: Sequence[Run], registry: Registry) -> dict[str, Any]:
    """Runs on the same data side by side, as results that `html_page` takes.

    Raises:
        UsageError: runs on other data or for another task, or without what a report needs.
    """
    first = runs[0]
    for run in runs[1:]:
        if (run.manifest["data"]["name"], run.task) != (first.manifest["data"]["name"], first.task):
            raise UsageError(
                f"'{run.folder}' was trained on other data than '{first.folder}'; "
                f"report each alone."
            )
    described = [_described(run) for run in runs]
    data = first.manifest["data"]
    metrics = {
        name: {"label": metric.label or name, "better": metric.better}
        for name, metric in registry.metrics.items()
        if metric.task == first.task
    }
    formulas = [run.result["formula"] for run in runs]
    labels = [
        f"{f} ({r.folder.name})" if len(runs) > 1 else f
        for f, r in zip(formulas, runs, strict=True)
    ]
    answers = {la: d["student"] for la, d in zip(labels, described, strict=True) if d["student"]}
    teachers = _teachers(runs, metrics)
    for alias in teachers:
        own = described[-1]["teachers"].get(alias) or described[0]["teachers"].get(alias)
        if own:
            answers[f"{alias}: {teachers[alias]['text']}"] = own
    return {
        "formulas": formulas,
        "labels": labels,
        "definitions": definitions_of(formulas, registry),
        "baseline": 0,
        "seeds": [first.config.seed],
        "data": {
            "name": data["name"],
            "task": data["task"],
            "train": len(first.rows["train"]),
            "holdout": len(first.rows["holdout"]),
            "classes": data["class_names"],
        },
        "understood": first.result.get("understood", []),
        "metrics": metrics,
        "tables": [_table(runs, labels, metrics)],
        "teachers": teachers,
        "curves": [curves_of(run.history, run.result["terms"]) for run in runs],
        "logged": [curves_of(run.history, run.result["logged"]) for run in runs],
        "gradients": [one.get("gradients", {}) for one in described],
        "predictions": answers,
        "predicted": _predicted(described, labels),
        "pca": described[0]["pca"],
        "notes": _notes(runs),
        "trust": {} if len(runs) > 1 else first.result["teacher_scores"],
        "seconds": first.result["seconds"],
        "versions": first.manifest["versions"],
        "config": _config(runs),
    }


def _predicted(described: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> dict[str, Any]:
    """Of regression: by student and teacher the true and the predicted values; else {}."""
    found = {}
    for label, one in zip(labels, described, strict=True):
        if one.get("predicted"):
            own = one["predicted"]
            found[label] = {"true": own["true"], "predicted": own["student"]}
    for alias, values in (described[0].get("predicted") or {}).get("teachers", {}).items():
        found[alias] = {"true": described[0]["predicted"]["true"], "predicted": values}
    return found


def _described(run: Run) -> dict[str, Any]:
    if ANSWERS not in run.manifest["sha256"]:
        raise UsageError(
            f"'{run.folder}' was written without {ANSWERS}, which a report needs; train again with "
            f"its config.toml."
        )
    return json.loads(run.verified(ANSWERS).read_text(encoding="utf-8"))


def _table(
    runs: Sequence[Run], labels: Sequence[str], metrics: Mapping[str, Any]
) -> dict[str, Any]:
    rows = []
    for name in metrics:
        for run, label in zip(runs, labels, strict=True):
            scores = run.result["scores"].get("student on holdout", {})
            on_train = run.result["scores"].get("student on train", {})
            if name in scores:
                row = {"metric": name, "formula": label, "mean": _alone(scores[name])}
                rows.append({**row, "train": _alone(on_train.get(name))})
    last = runs[0].result["last"]
    return {"step": last.get("step", 0), "rows": rows, "reach": [], "comparisons": 0}


def _teachers(runs: Sequence[Run], metrics: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for run in runs:
        for alias, text in run.result["teachers"].items():
            scores = run.result["scores"].get(f"{alias} on holdout", {})
            own = {name: _alone(scores[name]) for name in metrics if name in scores}
            found.setdefault(alias, {"text": text.removeprefix(f"{alias}="), "metrics": own})
    return found


def _notes(runs: Sequence[Run]) -> list[str]:
    """What a reader must know: leaks, what was done to teachers, what was not finite."""
    found = []
    for run in runs:
        leaks = leak_warning(run.config.leak) if run.config.leak else ""
        found += [leaks, *run.result["teacher_notes"], *run.result["events"]]
        for title, reasons in run.result["failed_metrics"].items():
            found += [f"The metric '{n}' of {title} failed: {why}." for n, why in reasons.items()]
    return list(dict.fromkeys(filter(None, found)))


def _alone(value: float | None) -> dict[str, Any]:
    """One training's figure; null stands for one that there is not, as R2 of one row."""
    mean = float("nan") if value is None else value
    return {"mean": mean, "low": float("nan"), "high": float("nan"), "count": 1}


def _config(runs: Sequence[Run]) -> dict[str, Any]:
    """The values of the first run, and those in which another differs, one after the other."""
    from dataclasses import asdict

    values = [asdict(run.config) for run in runs]
    merged = {}
    for key, value in values[0].items():
        texts = dict.fromkeys(_text(one[key]) for one in values)
        if value is not None or len(texts) > 1:
            merged[key] = " | ".join(texts)
    return merged


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
