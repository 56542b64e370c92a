"""From trajectories to results: estimates, paired differences, curves, predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfloss.comparison.analysis.definitions import definitions_of
from tfloss.comparison.analysis.metrics import (
    metric_values,
    metrics_for,
    predictions_of,
    scored_as,
    truth_of,
    weight_of,
)
from tfloss.comparison.analysis.predictions import describe_predictions, pca_points
from tfloss.comparison.analysis.statistics import holm, mean_of, share_of, sign_flip_p, steps_to
from tfloss.comparison.analysis.verdicts import CERTAIN, verdict
from tfloss.comparison.comparison import Comparison
from tfloss.comparison.replicates.seeds import SeedSetup
from tfloss.comparison.replicates.trainer import Trained
from tfloss.comparison.replicates.trajectories import Trajectories
from tfloss.data import leak_warning
from tfloss.registry import Metric, Registry
from tfloss.training.constant import squared_errors
from tfloss.training.loop.shuffling import steps_per_epoch
from tfloss.training.scores import as_columns
from tfloss.training.target_units import link_of

_CURVE_POINTS = 80
_NAMED = 20  # seeds that a note names; results.json has the others


def results_of(
    comparison: Comparison,
    setups: Sequence[SeedSetup],
    trained: Trained,
    registry: Registry,
    sources: Sequence[str] = (),
) -> dict[str, Any]:
    """All results as plain values, as `results.json` holds them.

    `sources` are the formulas themselves, where the comparison's texts say more than they.
    """
    sources = list(sources or comparison.formulas)
    data = setups[0].data
    task = scored_as(data)
    metrics = metrics_for(task, registry)
    found = trained.trajectories
    config = comparison.config
    steps = steps_per_epoch(len(data.train), config.batch_size, config.batches)
    tables = [
        table_at(comparison, found, metrics, epoch, steps)
        for epoch in comparison.report_epochs
        if len(found[0].eval_epochs)
    ]
    if tables:
        tables[-1]["reach"] = _reached(comparison, found, metrics, steps)
    poor = [_worse_than_constant(one, setups, registry) for one in found]
    if tables and poor[comparison.baseline]:
        _call_nothing_better(
            tables, [f for f, bad in zip(comparison.formulas, poor, strict=True) if bad]
        )
    _correct(tables, comparison.formulas[comparison.baseline])
    return {
        "formulas": list(comparison.formulas),
        "sources": sources,
        "definitions": definitions_of(sources, registry),
        "terms": [list(one.terms) for one in found],
        "baseline": comparison.baseline,
        "seeds": [setup.seed for setup in setups],
        "data": {
            "name": data.name,
            "task": data.task,
            "train": len(data.train),
            "holdout": len(data.holdout),
            "classes": None if data.classes is None else list(data.classes.names),
        },
        "metrics": {n: {"label": m.label or n, "better": m.better} for n, m in metrics.items()},
        "tables": tables,
        "teachers": _teachers(setups, metrics, task),
        "diverged": [int(one.diverged.sum()) for one in found],
        "diverged_seeds": [
            [setup.seed for setup, bad in zip(setups, one.diverged, strict=True) if bad]
            for one in found
        ],
        "diverged_steps": [one.bad_steps[one.diverged].tolist() for one in found],
        "curves": [curves_of(one, steps, one.terms) for one in found],
        "logged": [curves_of(one, steps, one.logged) for one in found],
        "gradients": [_gradient_shares(one) for one in found],
        "predictions": _pooled(comparison, found, setups, data.task),
        "pca": pca_points(data),
        "notes": [
            *filter(None, [leak_warning(data.leaks)]),
            *draw_notes(comparison, setups),
            *(
                f"'{formula}' is no better on the holdouts than a constant prediction."
                for formula, bad in zip(comparison.formulas, poor, strict=True)
                if bad
            ),
            *trained.notes,
        ],
        "seconds": {name: round(value, 3) for name, value in trained.seconds.items()},
        "replicate_steps": trained.steps,
        "execution": [one.execution for one in found],
    }


def draw_notes(comparison: Comparison, setups: Sequence[SeedSetup]) -> list[str]:
    """What a reader must know of the draws: seeds left out or drawn again, one split for all."""
    notes = []
    asked = comparison.seed_numbers
    left_out = sorted(set(asked) - {setup.seed for setup in setups})
    if left_out:
        notes.append(
            f"Left out: {len(left_out)} of {len(asked)} seeds, whose training rows hold one class "
            f"({_some(left_out)}); --one-class redraw draws them again."
        )
    again = [setup.seed for setup in setups if setup.redrawn]
    if again:
        notes.append(
            f"Drawn again until the training rows held two classes: {len(again)} of {len(asked)} "
            f"seeds ({_some(again)}), {sum(setup.redrawn for setup in setups)} times in all."
        )
    if comparison.config.split_seed is not None:
        notes.append(
            f"All seeds have the same split (split_seed={comparison.config.split_seed}): intervals "
            f"speak of other initial weights and batches, not of other rows."
        )
    return notes


def _some(seeds: Sequence[int]) -> str:
    """The first few, by number."""
    named = ", ".join(map(str, seeds[:_NAMED]))
    return named if len(seeds) <= _NAMED else f"{named}, …"


def table_at(
    comparison: Comparison,
    found: Sequence[Trajectories],
    metrics: Mapping[str, Metric],
    epoch: int,
    steps: int,
) -> dict[str, Any]:
    """Every formula's metrics after an epoch, each compared with the baseline's."""
    rows = []
    for name, metric in metrics.items():
        evaluation = int(np.flatnonzero(found[0].eval_epochs == epoch)[0])
        base = found[comparison.baseline].metrics[name][evaluation]
        for place, one in enumerate(found):
            values = one.metrics[name][evaluation]
            row = {"formula": one.formula, "metric": name, "mean": mean_of(values).as_dict()}
            if place != comparison.baseline:
                row |= paired(values, base, metric.better)
            rows.append(row)
    return {"epoch": epoch, "step": epoch * steps, "rows": rows, "reach": []}


def paired(values: np.ndarray, base: np.ndarray, better: str | None) -> dict[str, Any]:
    """The difference to the baseline over the seeds that both finished."""
    difference = values - base
    sign = -1.0 if better == "lower" else 1.0
    win_rate = np.where(np.isfinite(difference), (np.sign(sign * difference) + 1) / 2, np.nan)
    return {
        "difference": mean_of(difference).as_dict(),
        "p": sign_flip_p(difference),
        "win_rate": share_of(win_rate).as_dict(),
    }


def _reached(
    comparison: Comparison,
    found: Sequence[Trajectories],
    metrics: Mapping[str, Metric],
    steps: int,
) -> list[dict[str, Any]]:
    """Steps to each goal. A training that never gets there counts with the whole training."""
    rows: list[dict[str, Any]] = []
    end = comparison.config.epochs * steps
    for goal in comparison.reach:
        better = metrics[goal.metric].better or "higher"
        firsts = [
            np.where(
                one.diverged,
                np.inf,
                steps_to(one.metrics[goal.metric], one.eval_epochs * steps, goal.value, better),
            )
            for one in found
        ]
        for place, first in enumerate(firsts):
            within = np.minimum(first, end)
            row: dict[str, Any] = {
                "goal": goal.text,
                "formula": found[place].formula,
                "reached": share_of(np.isfinite(first).astype(float)).as_dict(),
                "steps": mean_of(within).as_dict(),
                "every": int(np.diff([0, *found[place].eval_epochs]).max()) * steps,
            }
            if place != comparison.baseline:
                base = np.minimum(firsts[comparison.baseline], end)
                row |= paired(within, base, "lower")
            rows.append(row)
    return rows


def _worse_than_constant(
    one: Trajectories, setups: Sequence[SeedSetup], registry: Registry
) -> bool:
    """Whether regressors at the end are, by their mean error, no better than a constant."""
    if (
        setups[0].data.task != "regression"
        or not len(one.eval_epochs)
        or one.diverged.all()
        or not len(setups[0].data.holdout)
    ):
        return False
    link = link_of(one.formula, registry)
    predictions = predictions_of(one.logits[-1], "regression", link)
    pairs = np.array(
        [
            squared_errors(predicted, setup.data.holdout, setup.data)
            for predicted, setup, bad in zip(predictions, setups, one.diverged, strict=True)
            if not bad
        ]
    )
    own, constant = pairs.mean(axis=0)
    return not own < constant


def _call_nothing_better(tables: Sequence[dict[str, Any]], poor: Sequence[str]) -> None:
    """Mark the rows of formulas that, as the baseline, are no better than a constant."""
    for table in tables:
        for row in (*table["rows"], *table["reach"]):
            row["below_constant"] = row["formula"] in poor


def _correct(tables: list[dict[str, Any]], baseline: str) -> None:
    """Holm's correction over everything that the result tests, and the words that it allows."""
    rows = [row for table in tables for row in (*table["rows"], *table["reach"]) if "p" in row]
    for row, p in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = p
        shown = verdict(row["difference"], p)
        row["significant"] = "" if row.get("below_constant") else shown
    for table in tables:
        table["comparisons"] = len(rows)
        table["certain_below"] = CERTAIN


def _teachers(
    setups: Sequence[SeedSetup], metrics: Mapping[str, Metric], task: str
) -> dict[str, dict[str, Any]]:
    """Each teacher's own metrics on the holdouts."""
    if not len(setups[0].data.holdout):
        return {}
    parts = [setup.data.holdout for setup in setups]
    truth, weight = truth_of(parts, task), weight_of(parts)
    found = {}
    for alias, teacher in setups[0].teachers.items():
        predictions = _teacher_predictions(setups, alias, task)
        scores = {
            name: mean_of(metric_values(metric, truth, predictions, weight)).as_dict()
            for name, metric in metrics.items()
        }
        found[alias] = {"text": teacher.text, "metrics": scores}
    return found


def _teacher_predictions(setups: Sequence[SeedSetup], alias: str, task: str) -> np.ndarray:
    predictions = [setup.teachers[alias].predictions_holdout for setup in setups]
    if task == "classification":
        predictions = [as_columns(one) for one in predictions]
        predictions = [one / one.sum(axis=1, keepdims=True) for one in predictions]
    return np.stack(predictions)


def _pooled(
    comparison: Comparison, found: Sequence[Trajectories], setups: Sequence[SeedSetup], task: str
) -> dict[str, Any]:
    """All seeds' predictions for their holdouts, pooled."""
    if task != "classification" or not len(setups[0].data.holdout):
        return {}
    truth = truth_of([setup.data.holdout for setup in setups], task)
    described = {}
    for one in found:
        fine = ~one.diverged
        if fine.any():
            predictions = predictions_of(one.logits[-1], task)[fine]
            pooled = predictions.reshape(-1, predictions.shape[-1])
            described[one.formula] = describe_predictions(truth[fine].ravel(), pooled)
    for alias, teacher in setups[0].teachers.items():
        pooled = _teacher_predictions(setups, alias, task)
        name = f"{alias}: {teacher.text}"
        described[name] = describe_predictions(truth.ravel(), pooled.reshape(-1, pooled.shape[-1]))
    return described


def _gradient_shares(one: Trajectories) -> dict[str, Any]:
    """Of the terms alone: what is logged besides has no gradient."""
    terms = [number for number, name in enumerate(one.names) if name in one.terms]
    measured = one.gradients.size > 0
    return gradient_shares(one.terms, one.gradients[:, terms] if measured else one.gradients)


def gradient_shares(names: Sequence[str], norms: np.ndarray) -> dict[str, Any]:
    """The mean share of each term in the sum of norms, (replicates, terms); {} without any."""
    sums = norms.sum(axis=1)
    fine = np.isfinite(sums) & (sums > 0)
    if not fine.any():
        return {}
    shares = (norms[fine] / sums[fine, None]).mean(axis=0)
    pairs = zip(names, shares, strict=True)
    return {"count": int(fine.sum()), "shares": {n: round(float(s), 5) for n, s in pairs}}


def curves_of(one: Trajectories, steps: int, names: Sequence[str]) -> dict[str, Any]:
    """Means over the replicates of the total and these values, with intervals (Student's t).

    A formula of which all replicates diverged has curves without points.
    """
    fine = ~one.diverged
    epochs = np.arange(1, len(one.train) + 1) if fine.any() else np.arange(0)
    thin = np.linspace(0, len(epochs) - 1, min(len(epochs), _CURVE_POINTS)).astype(int)
    thin = np.unique(thin)
    places = {"total": 0, **{name: 1 + one.names.index(name) for name in names}}
    return {
        "steps": (epochs[thin] * steps).tolist(),
        "train": {n: _band(one.train[thin][:, fine, at]) for n, at in places.items()},
        "eval_steps": (one.eval_epochs * steps).tolist() if fine.any() else [],
        "holdout": {n: _band(one.holdout[:, fine, at]) for n, at in places.items()},
        "metrics": {name: _band(values[:, fine]) for name, values in one.metrics.items()},
    }


def _band(values: np.ndarray) -> dict[str, list[float]]:
    """(points, R) -> mean, low and high at every point."""
    from scipy.stats import t

    count = values.shape[1]
    if not count or not len(values):
        return {"mean": [], "low": [], "high": []}
    values = values.astype(np.float64)
    mean = values.mean(axis=1)
    half = np.zeros_like(mean)
    if count > 1:
        half = t.ppf(0.975, count - 1) * values.std(axis=1, ddof=1) / np.sqrt(count)
    bands = {"mean": mean, "low": mean - half, "high": mean + half}
    return {name: [float(f"{v:.5g}") for v in curve] for name, curve in bands.items()}


def whole_curves(results: Mapping[str, Any], place: int) -> dict[str, Any]:
    """A formula's curves with those of what is logged besides the terms, as a history has them."""
    curves, logged = results["curves"][place], results["logged"][place]
    both = {split: {**curves[split], **logged[split]} for split in ("train", "holdout")}
    return {**curves, **both}
