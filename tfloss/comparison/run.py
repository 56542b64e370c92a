"""From a comparison to its results and its folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfloss.comparison.analysis.metrics import add_metrics
from tfloss.comparison.analysis.results import results_of
from tfloss.comparison.comparison import Comparison
from tfloss.comparison.folder import write_comparison
from tfloss.comparison.replicates.seeds import prepare_seeds
from tfloss.comparison.replicates.trainer import OnProgress, train_all
from tfloss.registry import Registry
from tfloss.teachers.spec.cost import duration_text


def compare(
    comparison: Comparison,
    registry: Registry,
    runs: Path | None,
    *,
    on_progress: OnProgress | None = None,
    prepared: Callable[[], object] = lambda: None,
    cache: Path | None = None,
) -> tuple[dict[str, Any], Path]:
    """Train every formula on every seed, and say what that shows.

    Args:
        comparison: what to do.
        registry: what names stand for.
        runs: where the folder goes.
        on_progress: called with each stage, and the share of all steps just done.
        prepared: called once the teachers are fitted and before TensorFlow is needed.
        cache: a folder in which teachers' answers are kept.

    Returns:
        the results, and the folder.
    """
    on_progress = on_progress or (lambda *_: None)
    stage = f"splits and teachers for {comparison.seeds} seeds"
    on_progress(stage, 0.0)
    setups, seconds = prepare_seeds(
        comparison.config,
        comparison.seed_numbers,
        registry,
        comparison.formulas,
        one_class=comparison.one_class,
        cache=cache,
        on_estimate=lambda seconds: on_progress(
            f"{stage}: about {duration_text(seconds)} of fitting", 0.0
        ),
    )
    prepared()
    trained = train_all(comparison, setups, registry, on_progress)
    on_progress("metrics and statistics", 0.0)
    started = time.perf_counter()
    parts = [setup.data.holdout for setup in setups]
    add_metrics(trained.trajectories, parts, setups[0].data.task, registry)
    results = results_of(comparison, setups, trained, registry)
    seconds |= trained.seconds | {"statistics": time.perf_counter() - started}
    results["seconds"] = {name: round(value, 3) for name, value in seconds.items()}
    folder = write_comparison(runs or Path("runs"), comparison, trained.trajectories, results)
    return results, folder
