"""From a comparison to its results and its folder."""

from __future__ import annotations

import os
import shlex
import shutil
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tfloss.cluster.peers import Peers
from tfloss.comparison.analysis.metrics import add_metrics, scored_as
from tfloss.comparison.analysis.results import results_of
from tfloss.comparison.comparison import Comparison
from tfloss.comparison.folder import (
    begin_comparison,
    fill_folder,
    forget_comparison,
    plain_config,
)
from tfloss.comparison.replicates.saved import SavedReplicates
from tfloss.comparison.replicates.seeds import SeedSetup, prepare_seeds
from tfloss.comparison.replicates.trainer import OnProgress, Trained, train_all
from tfloss.comparison.result import ComparisonResult
from tfloss.comparison.workers import own_part, put_together, table_digest
from tfloss.data import Table
from tfloss.errors import Interrupted, UsageError
from tfloss.io.finished import REPLICATES, TEACHERS
from tfloss.io.lock import FolderLock
from tfloss.registry import Registry
from tfloss.teachers.fitting.fit_teachers import CACHE_VARIABLE
from tfloss.teachers.spec.cost import duration_text
from tfloss.training.checkpoints.fingerprint import versions_fingerprint


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
    peers: Peers | None = None,
    on_folder: Callable[[Path], object] = lambda folder: None,
) -> ComparisonResult | None:
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
        peers: the workers that divide the seeds; the chief puts their results together.
        on_folder: called with the folder when it is there.

    Returns:
        the results; None at a worker that is not the chief.

    Raises:
        Interrupted: Ctrl-C or SIGTERM came; the sentence says how to go on.
        UsageError: the folder cannot be written, or another process is at work in it.
        TflossError: as for a training alone.
    """
    if folder is None and runs is None:
        return _run(comparison, registry, None, on_progress, prepared, cache, table, peers)
    if peers is not None and not peers.is_chief:
        folder = Path(peers.exchange("folder", "")[0])
        (folder / REPLICATES).mkdir(parents=True, exist_ok=True)
        on_folder(folder)
        return _run(comparison, registry, folder, on_progress, prepared, cache, table, peers)
    new = folder is None
    folder = begin_comparison(runs or Path("runs"), comparison) if folder is None else folder
    (folder / REPLICATES).mkdir(exist_ok=True)
    lock = FolderLock(folder / REPLICATES, "compares")
    lock.acquire()
    on_folder(folder)
    try:
        if peers is not None:
            peers.exchange("folder", str(folder))
        result = _run(comparison, registry, folder, on_progress, prepared, cache, table, peers)
    except BaseException as error:
        lock.release()
        gone = new and forget_comparison(folder)
        if isinstance(error, Interrupted) and not gone:
            quoted = shlex.quote(str(folder))
            raise Interrupted(
                f"Interrupted; go on with: tfloss compare --resume {quoted}", error.exit_code - 128
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
    peers: Peers | None,
) -> ComparisonResult | None:
    on_progress = on_progress or (lambda *_: None)
    stage = f"splits and teachers for {comparison.seeds} seeds"
    on_progress(stage, 0.0)
    own: Callable[[int], range] = range
    if peers is not None:
        table = comparison.config.table(registry) if table is None else table
        peers.require_same(_described(comparison, table))
        own = partial(own_part, index=peers.index, workers=len(peers.addresses))
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
        own=own,
    )
    prepared()
    if peers is None:
        saved = None if folder is None else SavedReplicates(folder / REPLICATES, setups)
        trained = train_all(comparison, setups, registry, on_progress, saved=saved)
    else:
        complete = _divided(comparison, setups, registry, on_progress, folder, peers)
        if complete is None:
            return None
        setups, trained = complete
    on_progress("metrics and statistics", 0.0)
    values = _evaluated(comparison, setups, trained, registry, seconds)
    if folder is not None:
        try:
            fill_folder(folder, comparison, trained.trajectories, values)
        except OSError as error:
            raise UsageError(f"The folder '{folder}' cannot be written: {error}.") from error
    return ComparisonResult(comparison, values, trained.trajectories, folder)


def _described(comparison: Comparison, table: Table) -> dict[str, Any]:
    """What all workers must have."""
    versions = versions_fingerprint()
    return {**plain_config(comparison), "rows": table_digest(table), "versions": versions}


def _divided(
    comparison: Comparison,
    setups: Sequence[SeedSetup],
    registry: Registry,
    on_progress: OnProgress,
    folder: Path | None,
    peers: Peers,
) -> tuple[list[SeedSetup], Trained] | None:
    """This worker's seeds trained, and those of all put together; None but at the chief."""
    count = len(peers.addresses)
    own = own_part(len(setups), peers.index, count)
    trained = None
    if own:
        part = setups[own.start : own.stop]
        name = f"worker{peers.index}of{count}"
        saved = None if folder is None else SavedReplicates(folder / REPLICATES / name, part)
        trained = train_all(comparison, part, registry, on_progress, saved=saved)
    on_progress("waiting for the other workers", 0.0)
    return put_together(peers, setups, own, trained)


def _evaluated(
    comparison: Comparison,
    setups: Any,
    trained: Trained,
    registry: Registry,
    seconds: dict[str, float],
) -> dict[str, Any]:
    started = time.perf_counter()
    parts = [setup.data.holdout for setup in setups]
    trained.notes += add_metrics(trained.trajectories, parts, scored_as(setups[0].data), registry)
    values = results_of(comparison, setups, trained, registry)
    seconds = seconds | trained.seconds | {"statistics": time.perf_counter() - started}
    values["seconds"] = {name: round(value, 3) for name, value in seconds.items()}
    return values
