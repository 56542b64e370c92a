"""Search for the coefficients and settings of a formula with optuna, and confirm what was found.

Trials are trained and scored on one part of the table, over several seeds each. The best of many
trials is the luckiest too, so its score there flatters it. What is told is therefore a comparison
with the baseline on the other part, with other seeds, whose rows no trial has seen.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tfloss.cluster.peers import Peers
from tfloss.comparison.analysis.metrics import add_metrics, scored_as
from tfloss.comparison.analysis.results import results_of
from tfloss.comparison.comparison import Comparison
from tfloss.comparison.folder import fill_folder
from tfloss.comparison.ranges import Range
from tfloss.comparison.replicates.saved import FINGERPRINT, require_same_setups
from tfloss.comparison.replicates.seeds import SeedSetup, prepare_seeds
from tfloss.comparison.replicates.trainer import OnProgress, train_all
from tfloss.comparison.replicates.trajectories import Trajectories
from tfloss.comparison.result import ComparisonResult
from tfloss.comparison.search.share import Share, in_turn
from tfloss.comparison.search.space import Space
from tfloss.comparison.search.split import search_split
from tfloss.comparison.search.study import MOST_SEEDS, Plan
from tfloss.comparison.search.trial import PrunedError, TrialValue
from tfloss.comparison.workers import table_digest
from tfloss.data import Table
from tfloss.errors import DataError, NumericsError, UsageError, first_line
from tfloss.io.atomic import write_text
from tfloss.io.finished import TEACHERS
from tfloss.io.lock import FolderLock
from tfloss.registry import Metric, Registry

STUDY, TRIALS = "study.log", "trials.csv"
_DIVERGED = "diverged"  # what a failed trial says of itself; one that was interrupted is failed too


def run_search(
    plan: Plan,
    folder: Path,
    trials: int,
    registry: Registry,
    *,
    on_progress: OnProgress | None = None,
    prepared: Callable[[], object] = lambda: None,
    table: Table | None = None,
    peers: Peers | None = None,
) -> ComparisonResult | None:
    """Run trials until the folder's study has `trials` of them, then confirm the best.

    Args:
        plan: what to search.
        folder: holds the study; one that was interrupted goes on.
        trials: how many in all, finished, pruned and failed.
        registry: what names stand for.
        on_progress: called with each trial, and its share of all.
        prepared: called once the teachers are fitted and before TensorFlow is needed.
        table: the rows; default: those of the plan's data set.
        peers: the workers that divide the trials, in a folder that all of them see; the chief
            confirms the best.

    Returns:
        the comparison of the best trial with the baseline; `values["search"]` says what was found.
        None at a worker that is not the chief.

    Raises:
        UsageError: optuna is not installed; another process is at work in the folder; or no trial
            came to an end.
    """
    if peers is not None and not peers.is_chief:
        return _run(plan, folder, trials, registry, on_progress, prepared, table, peers)
    lock = FolderLock(folder, "searches")
    lock.acquire()
    try:
        return _run(plan, folder, trials, registry, on_progress, prepared, table, peers)
    finally:
        lock.release()


def _run(
    plan: Plan,
    folder: Path,
    trials: int,
    registry: Registry,
    on_progress: OnProgress | None,
    prepared: Callable[[], object],
    table: Table | None,
    peers: Peers | None,
) -> ComparisonResult | None:
    on_progress = on_progress or (lambda *_: None)
    metric = registry.metrics[plan.metric]
    table = plan.static.table(registry) if table is None else table
    if peers is not None:
        peers.require_same({**asdict(plan), "trials": trials, "rows": table_digest(table)})
    study = in_turn(peers, lambda: _study(folder, metric))
    for_search, for_confirmation = search_split(table, plan.share, plan.static.seed)
    first = plan.static.seed
    on_progress(f"splits and teachers for {plan.seeds} seeds", 0.0)
    seeds = range(first, first + plan.seeds)
    formulas = [
        plan.static.formula,
        plan.config_of(plan.space.filled(lambda one: one.middle)).formula,
    ]
    # The others find in the cache what the chief has fitted.
    cache = None if peers is None else folder / TEACHERS
    setups, _ = in_turn(
        peers,
        lambda: prepare_seeds(
            *(plan.static, seeds, registry, formulas),
            table=for_search,
            checked=formulas[1:],
            cache=cache,
        ),
    )
    prepared()
    if not len(setups[0].data.holdout):
        raise UsageError("A search needs rows that are held out; give --train-size or --test-size.")
    in_turn(peers, lambda: require_same_setups(folder / FINGERPRINT, setups))
    share = Share.of(peers, len(_finished(study)), trials)
    _run_trials(plan, study, share, setups, metric, registry, on_progress)
    if peers is not None:
        peers.exchange("trials", "", None)
        if not peers.is_chief:
            return None
        shutil.rmtree(folder / TEACHERS, ignore_errors=True)
    best = _best(study)
    _write_trials(folder, study, plan.space)
    on_progress(f"splits and teachers for {plan.confirm} other seeds", 0.0)
    fresh = range(first + MOST_SEEDS, first + MOST_SEEDS + plan.confirm)
    others, _ = prepare_seeds(
        plan.static, fresh, registry, formulas, table=for_confirmation, checked=()
    )
    texts = plan.space.filled(lambda one: best.params[one.name])
    states = [trial.state.name for trial in _finished(study)]
    about = {
        "plan": asdict(plan),
        "trials": len(states),
        "pruned": states.count("PRUNED"),
        "failed": states.count("FAIL"),
        "best": [trial.number for trial in _finished(study)].index(best.number),
        "value": best.value,
        "found": {f"{one.name} {{{one.text}}}": best.params[one.name] for one in plan.space.ranges},
        **texts,
    }
    results, comparison, trajectories = _confirmed(plan, texts, others, registry, on_progress)
    results["search"] = about
    if len(setups) < plan.seeds:
        results["notes"].append(
            f"Searched on {len(setups)} of {plan.seeds} seeds; the training rows of the others "
            f"hold one class."
        )
    try:
        fill_folder(folder, comparison, trajectories, results)
    except OSError as error:
        raise UsageError(f"The folder '{folder}' cannot be written: {error}.") from error
    return ComparisonResult(comparison, results, trajectories, folder)


def _optuna() -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _study(folder: Path, metric: Metric) -> Any:
    """The folder's study, new or as far as it came; a journal survives being interrupted."""
    optuna = _optuna()
    from optuna.storages.journal import JournalFileBackend

    try:
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(folder / STUDY)))
        return optuna.create_study(
            storage=storage,
            study_name="tfloss",
            direction="maximize" if metric.better == "higher" else "minimize",
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
            load_if_exists=True,
        )
    except OSError as error:
        raise UsageError(f"'{folder}' cannot be written: {error.strerror or error}.") from error
    except Exception as error:  # of a damaged journal anything can be raised
        raise DataError(
            f"'{folder / STUDY}' is not what a search wrote ({type(error).__name__}: "
            f"{first_line(error)}); restore it from a copy, or begin another search."
        ) from error


def _finished(study: Any) -> list[Any]:
    """All trials but those that an interruption cut off."""
    return [trial for trial in study.trials if not _cut_off(trial)]


def _cut_off(trial: Any) -> bool:
    """Optuna leaves it as running where the process was killed, and as failed after Ctrl-C."""
    failed_otherwise = trial.state.name == "FAIL" and _DIVERGED not in trial.user_attrs
    return failed_otherwise or not trial.state.is_finished()


def _run_trials(
    plan: Plan,
    study: Any,
    share: Share,
    setups: Sequence[SeedSetup],
    metric: Metric,
    registry: Registry,
    on_progress: OnProgress,
) -> None:
    optuna = _optuna()
    evaluated = TrialValue(plan, setups, metric, registry)

    def objective(trial: Any) -> float:
        texts = plan.space.filled(lambda one: _suggested(trial, one))
        best = _text_of_best(study)
        done = len(_finished(study))
        on_progress(f"trial {done + 1}/{share.trials}{best}", 1 / share.trials)
        value = math.nan  # which optuna counts as failed
        try:
            value = evaluated(plan.config_of(texts), trial)
        except PrunedError:
            raise optuna.TrialPruned from None
        except NumericsError:
            pass
        if math.isnan(value):
            trial.set_user_attr(_DIVERGED, True)
        return value

    for number in share.numbers:
        # One seed for each trial, so that a search that was cut off tries what it would have tried.
        study.sampler = optuna.samplers.TPESampler(
            seed=plan.static.seed + number, constant_liar=share.divided
        )
        study.optimize(objective, n_trials=1)


def _suggested(trial: Any, one: Range) -> float:
    if one.choices:
        return trial.suggest_categorical(one.name, list(one.choices))
    return trial.suggest_float(one.name, one.low, one.high, log=one.log)


def _best(study: Any) -> Any:
    try:
        return study.best_trial
    except ValueError:
        raise UsageError(
            "No trial came to its end, so nothing was found; try narrower ranges."
        ) from None


def _text_of_best(study: Any) -> str:
    try:
        return f", best {study.best_value:.4g}"
    except ValueError:
        return ""


def _confirmed(
    plan: Plan,
    texts: dict[str, str],
    setups: Sequence[SeedSetup],
    registry: Registry,
    on_progress: OnProgress,
) -> tuple[dict[str, Any], Comparison, list[Trajectories]]:
    """The best and the baseline, on rows and with seeds that no trial saw."""
    configs = [plan.static, plan.config_of(texts)]
    same = configs[0].optimizer == configs[1].optimizer
    labels = [one.formula if same else f"{one.formula} ({one.optimizer})" for one in configs]
    if labels[0] == labels[1]:
        raise UsageError("The best trial is the baseline itself; search wider, or longer.")
    trained = []
    for config, label in zip(configs, labels, strict=True):
        on_progress(label, 0.0)
        alone = Comparison.of([config.formula], config, seeds=len(setups))
        trained.append(train_all(alone, setups, registry))
        trained[-1].trajectories[0].formula = label
    both = trained[0]
    both.trajectories += trained[1].trajectories
    both.notes += [note for note in trained[1].notes if note not in both.notes]
    own = configs[0].changed(seed=plan.static.seed + MOST_SEEDS)
    comparison = Comparison(tuple(labels), own, seeds=plan.confirm)
    on_progress("metrics and statistics", 0.0)
    parts = [setup.data.holdout for setup in setups]
    both.notes += add_metrics(both.trajectories, parts, scored_as(setups[0].data), registry)
    sources = [config.formula for config in configs]
    results = results_of(comparison, setups, both, registry, sources)
    return results, comparison, both.trajectories


def _write_trials(folder: Path, study: Any, space: Space) -> None:
    """Every finished trial: its state, its value, what it tried."""
    names = [one.name for one in space.ranges]
    lines = [",".join(["trial", "state", "value", *names])]
    for number, trial in enumerate(_finished(study)):
        value = "" if trial.value is None else f"{trial.value:.8g}"
        tried = [f"{trial.params[n]:.8g}" if n in trial.params else "" for n in names]
        lines.append(",".join([str(number), trial.state.name.lower(), value, *tried]))
    write_text(folder / TRIALS, "\n".join(lines) + "\n")
