"""From a comparison to its results and its folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfloss.comparison.analysis.metrics import add_scores
from tfloss.comparison.analysis.results import results_of
from tfloss.comparison.comparison import Comparison
from tfloss.comparison.folder import write_comparison
from tfloss.comparison.replicates.seeds import make_worlds
from tfloss.comparison.replicates.trainer import Tell, train_all
from tfloss.registry import Registry
from tfloss.teachers.spec.cost import duration_text


def compare(
    comparison: Comparison,
    registry: Registry,
    runs: Path | None,
    *,
    tell: Tell | None = None,
    prepared: Callable[[], object] = lambda: None,
    cache: Path | None = None,
) -> tuple[dict[str, Any], Path]:
    """Train every formula on every seed, and say what that shows.

    Args:
        comparison: what to do.
        registry: what names stand for.
        runs: where the folder goes.
        tell: hears of stages, and of the share of all steps that was done.
        prepared: called once the teachers are fitted and before TensorFlow is needed.
        cache: a folder in which teachers' answers are kept.

    Returns:
        the results, and the folder.
    """
    tell = tell or (lambda *_: None)
    stage = f"splits and teachers for {comparison.seeds} seeds"
    tell(stage, 0.0)
    worlds, seconds = make_worlds(
        comparison.config,
        comparison.seed_numbers,
        registry,
        comparison.formulas,
        cache=cache,
        foresee=lambda ahead: tell(f"{stage}: about {duration_text(ahead)} of fitting", 0.0),
    )
    prepared()
    trained = train_all(comparison, worlds, registry, tell)
    tell("metrics and statistics", 0.0)
    started = time.perf_counter()
    parts = [world.data.holdout for world in worlds]
    add_scores(trained.trajectories, parts, worlds[0].data.task, registry)
    results = results_of(comparison, worlds, trained, registry)
    seconds |= trained.seconds | {"statistics": time.perf_counter() - started}
    results["seconds"] = {name: round(value, 3) for name, value in seconds.items()}
    folder = write_comparison(runs or Path("runs"), comparison, trained.trajectories, results)
    return results, folder
