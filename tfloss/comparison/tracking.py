"""Trackers hear of a comparison: one training for each formula, the mean over its seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfloss.comparison.analysis.results import whole_curves
from tfloss.comparison.comparison import Comparison
from tfloss.registry import Registry
from tfloss.runs.tracking import Tracking, make_trackers
from tfloss.training.loop.shuffling import steps_per_epoch


def track_comparison(
    texts: Sequence[str],
    comparison: Comparison,
    results: Mapping[str, Any],
    folder: Path,
    registry: Registry,
    warn: Callable[[str], None],
) -> None:
    """Report a finished comparison to trackers.

    Each formula is a training of its own to them, with the formula as the `loss` of its
    configuration; so nothing has to stand in a metric's name but the term or the metric.

    Args:
        texts: what `--track` was given.
        comparison: whose configuration is told.
        results: what came out.
        folder: the comparison's.
        registry: who knows trackers by name.
        warn: called with a sentence when a tracker failed.
    """
    for place, formula in enumerate(comparison.formulas):
        config = comparison.config.changed(formula=formula)
        with Tracking(make_trackers(texts, registry), config, warn) as tracking:
            tracking.start(
                f"-{place + 1}", seeds=len(results["seeds"]), diverged=results["diverged"][place]
            )
            curves, steps = whole_curves(results, place), _steps_per_epoch(comparison, results)
            _tell_curves(tracking, curves, steps)
            tracking.scores({"student on holdout": _scores(results, formula)})
            tracking.finish(folder)


def _steps_per_epoch(comparison: Comparison, results: Mapping[str, Any]) -> int:
    config = comparison.config
    return steps_per_epoch(int(results["data"]["train"]), config.batch_size, config.batches)


def _tell_curves(tracking: Tracking, curves: Mapping[str, Any], each: int) -> None:
    """The mean of each term at the steps that the results' curves hold."""
    eval_epochs = {step: place for place, step in enumerate(curves["eval_steps"])}
    for place, step in enumerate(curves["steps"]):
        train = _means(curves["train"], place)
        holdout = _means(curves["holdout"], eval_epochs[step]) if step in eval_epochs else None
        if train:  # nothing where every training diverged
            tracking.epoch(step // each, step, train, holdout or None)


def _means(bands: Mapping[str, Mapping[str, Sequence[float]]], place: int) -> dict[str, float]:
    return {name: band["mean"][place] for name, band in bands.items() if band["mean"]}


def _scores(results: Mapping[str, Any], formula: str) -> dict[str, float]:
    """The mean of each metric at the end, and its interval."""
    if not results["tables"]:
        return {}
    found = {}
    for row in results["tables"][-1]["rows"]:
        if row["formula"] == formula:
            found[row["metric"]] = row["mean"]["mean"]
            found[f"{row['metric']} low"] = row["mean"]["low"]
            found[f"{row['metric']} high"] = row["mean"]["high"]
    return found
