"""From a comparison to its results and its folder."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfloss.comparison.analysis.metrics import add_metrics
from tfloss.comparison.analysis.results import results_of
from tfloss.comparison.comparison import Comparison
from tfloss.comparison.folder import (
    REPLICATES,
    TEACHERS,
    begin_comparison,
    fill_folder,
    forget_comparison,
)
from tfloss.comparison.replicates.saved import SavedReplicates
from tfloss.comparison.replicates.seeds import prepare_seeds
from tfloss.comparison.replicates.trainer import OnProgress, Trained, train_all
from tfloss.comparison.result import ComparisonResult
from tfloss.data import Table
from tfloss.errors import Interrupted, UsageError
from tfloss.io.lock import FolderLock
from tfloss.registry import Registry
from tfloss.teachers.fitting.fit_teachers import CACHE_VARIABLE
from tfloss.teachers.spec.cost import duration_text


def run_comparison(
    comparison: Comparison,
    registry: Registry,
    runs: Path | None = None,
    *,
    folder: Path | None = None,
    on_progress: OnProgress | None = None,
    prepared: Callable[[], object] = lambda: None,
    cache: Path | None = None,
    table: Table | None = None,
) -> ComparisonResult:
    """Train every formula on every seed, and say what that shows.

    Args:
        comparison: what to do; already checked.
        registry: what names stand for.
        runs: where a new folder goes; None: nothing is written.
        folder: of a comparison that was cut off, which goes on; instead of `runs`.
        on_progress: called with each stage, and the share of all steps just done.
        prepared: called once the teachers are fitted and before TensorFlow is needed.
        cache: a folder in which teachers' predictions are kept; default: the environment's
            TFLOSS_CACHE, else the comparison's folder until it is finished.
        table: the rows; default: those of `comparison.config.data`.

    Raises:
        Interrupted: Ctrl-C or SIGTERM came; the sentence says how to go on.
        UsageError: the folder cannot be written, or another process is at work in it.
        TflossError: as for a training alone.
    """
    if folder is None and runs is None:
        return _run(comparison, registry, None, on_progress, prepared, cache, table)
    new = folder is None
    folder = begin_comparison(runs or Path("runs"), comparison) if folder is None else folder
    (folder / REPLICATES).mkdir(exist_ok=True)
    lock = FolderLock(folder / REPLICATES, "compares")
    lock.acquire()
    try:
        result = _run(comparison, registry, folder, on_progress, prepared, cache, table)
    except BaseException as error:
        lock.release()
        gone = new and forget_comparison(folder)
        if isinstance(error, Interrupted) and not gone:
            raise Interrupted(
                f"Interrupted; go on with: tfloss compare --resume {folder}", error.exit_code - 128
            ) from error
        raise
    lock.release()
    for name in (REPLICATES, TEACHERS):
        shutil.rmtree(folder / name, ignore_errors=True)
    return result


def _run(
    comparison: Comparison,
    registry: Registry,
    folder: Path | None,
    on_progress: OnProgress | None,
    prepared: Callable[[], object],
    cache: Path | None,
    table: Table | None,
) -> ComparisonResult:
    on_progress = on_progress or (lambda *_: None)
    stage = f"splits and teachers for {comparison.seeds} seeds"
    on_progress(stage, 0.0)
    if folder is not None and cache is None and not os.environ.get(CACHE_VARIABLE):
        cache = folder / TEACHERS
    setups, seconds = prepare_seeds(
        comparison.config,
        comparison.seed_numbers,
        registry,
        comparison.formulas,
        table,
        one_class=comparison.one_class,
        cache=cache,
        on_estimate=lambda seconds: on_progress(
            f"{stage}: about {duration_text(seconds)} of fitting", 0.0
        ),
    )
    prepared()
    saved = None if folder is None else SavedReplicates(folder / REPLICATES, setups)
    trained = train_all(comparison, setups, registry, on_progress, saved=saved)
    on_progress("metrics and statistics", 0.0)
    values = _evaluated(comparison, setups, trained, registry, seconds)
    if folder is not None:
        try:
            fill_folder(folder, comparison, trained.trajectories, values)
        except OSError as error:
            raise UsageError(f"The folder '{folder}' cannot be written: {error}.") from error
    return ComparisonResult(comparison, values, trained.trajectories, folder)


def _evaluated(
    comparison: Comparison,
    setups: Any,
    trained: Trained,
    registry: Registry,
    seconds: dict[str, float],
) -> dict[str, Any]:
    started = time.perf_counter()
    parts = [setup.data.holdout for setup in setups]
    trained.notes += add_metrics(trained.trajectories, parts, setups[0].data.task, registry)
    values = results_of(comparison, setups, trained, registry)
    seconds = seconds | trained.seconds | {"statistics": time.perf_counter() - started}
    values["seconds"] = {name: round(value, 3) for name, value in seconds.items()}
    return values
