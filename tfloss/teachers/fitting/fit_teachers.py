"""Soft targets for training: each teacher fitted once, and its predictions for every row."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import cache as remembered
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tfloss.data import PreparedData, score
from tfloss.registry import Registry
from tfloss.teachers.cache import cached, find, keep, key_of, rows_digest, tell_if_unwritable
from tfloss.teachers.column import PredictionsColumn, read_predictions
from tfloss.teachers.fitting.batched import OnRows
from tfloss.teachers.fitting.fit_and_predict import fit_and_predict, fitter
from tfloss.teachers.fitting.given import Given, listed_teachers, resolved
from tfloss.teachers.fitting.plan import FitPlan, TeacherPredictions, plan_fit
from tfloss.teachers.keras_models import OWN_TENSORS, check_network, is_network
from tfloss.teachers.predict_columns import named_parts
from tfloss.teachers.prefitted import PrefittedTeacher, check_prefitted
from tfloss.teachers.spec.options import Options
from tfloss.teachers.teacher import FittedTeacher, as_tensors

CACHE_VARIABLE = "TFLOSS_CACHE"


def fit_teachers(
    teachers: Any,
    data: PreparedData,
    registry: Registry,
    *,
    seed: int = 0,
    fit: str = "auto",
    calibrate: str = "auto",
    rows: int | None = None,
    force: bool = False,
    inputs: str = "auto",
    n_jobs: int | None = None,
    cache: str | Path | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
    tensors: Collection[str] = (),
    before_fit: Callable[[], Any] | None = None,
) -> dict[str, FittedTeacher]:
    """Fit every teacher on labelled training rows, and ask it about all rows.

    Everything that can be refused is refused before anything is fitted.

    Args:
        teachers: 'gpc', a TeacherSpec, an estimator, a list of these, or a mapping from names. An
            estimator that is fitted already is not fitted again.
        data: rows that train and rows that nothing is fitted on.
        registry: who knows teachers by name.
        seed: of the folds, and for every `random_state` that the user did not set.
        fit, calibrate, rows, force, inputs: see `Options`; a teacher's own text overrules them.
        n_jobs: how many folds, and chunks of rows, are worked on at once, as joblib counts; the
            result is the same. Default: as many folds as there are processors, and one chunk.
        cache: a folder in which predictions are kept; default: the environment's TFLOSS_CACHE.
        on_progress: called with a teacher's name, the rows it has answered, and all it will;
            first with 0, before it is fitted.
        tensors: names that a formula uses; `alias.LAYER` among them asks a network for a layer.
        before_fit: called once all teachers are checked and before one is fitted; what it raises
            spares the fitting.

    Raises:
        UsageError: unknown names or settings, one name for two teachers, an unsuited estimator.
        DataError: rows that a teacher cannot be fitted on, or a teacher that does not fit the data.
        PluginError: an estimator that fails or does not predict as it should.
    """
    defaults = Options(fit, calibrate, rows, force, inputs)
    folder = cache_folder(cache)
    given = [resolved(one, defaults, registry, seed) for one in listed_teachers(teachers)]
    ready = {
        one: _prepared(one, data, registry, seed, _layers(one.alias, tensors)) for one in given
    }
    if before_fit is not None:
        before_fit()
    plans = {one: how for one, how in ready.items() if isinstance(how, FitPlan)}
    counters = {one.alias: _counter(one.alias, data, on_progress) for one in given}
    digest = remembered(partial(rows_digest, data))  # of all rows, for the keys of all teachers
    fitted = _fitted(plans, data, registry, folder, digest, n_jobs, counters)
    return {
        one.alias: fitted.get(one.alias)
        or _asked(one, how, data, registry, n_jobs, folder, digest, counters[one.alias])
        for one, how in ready.items()
    }


def cache_folder(cache: str | Path | None) -> Path | None:
    """Where predictions are kept: what was given, else what TFLOSS_CACHE says, else nowhere."""
    named = cache or os.environ.get(CACHE_VARIABLE)
    return Path(named) if named else None


def _layers(alias: str, tensors: Collection[str]) -> frozenset[str]:
    """The layers of this teacher that `alias.LAYER` among the names asks for."""
    return named_parts(alias, tensors) - OWN_TENSORS


def _prepared(
    given: Given, data: PreparedData, registry: Registry, seed: int, layers: frozenset[str]
) -> Any:
    """What is left to do, checked."""
    if isinstance(given.thing, PrefittedTeacher):
        known = given.thing
        if is_network(known.estimator):
            return check_network(known, data, given.name, layers)
        return check_prefitted(given.thing, data, given.name, given.options.calibrate)
    if isinstance(given.thing, PredictionsColumn):
        return partial(read_predictions, given.thing, data=data, name=given.name)
    return plan_fit(given.thing, given.name, given.options, data, registry, seed, own=given.own)


def _counter(
    alias: str, data: PreparedData, on_progress: Callable[[str, int, int], None] | None
) -> OnRows | None:
    """From rows answered just now to rows answered so far."""
    if on_progress is None:
        return None
    total = len(data.train) + len(data.holdout)
    done = 0

    def count(rows: int) -> None:
        nonlocal done
        done += rows
        on_progress(alias, done, total)

    return count


def _fitted(
    plans: Mapping[Given, FitPlan],
    data: PreparedData,
    registry: Registry,
    cache: Path | None,
    digest: Callable[[], str],
    n_jobs: int | None,
    counters: Mapping[str, OnRows | None],
) -> dict[str, FittedTeacher]:
    """The teachers that are fitted here, by alias: those in the cache, the others together."""
    keys = {one: key_of(plan, data, digest) if cache else None for one, plan in plans.items()}
    found = {one: find(key, cache) for one, key in keys.items()}
    for one in plans:
        _count(counters[one.alias], 0)
    missing = {one.alias: plan for one, plan in plans.items() if found[one] is None}
    if missing and cache is not None:
        tell_if_unwritable(cache)
    new = fit_and_predict(missing, data, registry, n_jobs, counters.get)
    teachers = {}
    for one, plan in plans.items():
        predicted = found[one] or keep(keys[one], cache, new[one.alias])
        model = predicted.fitted
        # The model of predictions from the cache is fitted when somebody asks for it.
        fit: Callable[[], Any] = partial(fitter(plan, data), plan.rows)
        origin = "train" if plan.folds is None else "cross"
        teachers[one.alias] = _teacher(
            one, predicted, data, origin, partial(_same, model) if model else fit, len(plan.rows)
        )
    return teachers


def _same(model: Any) -> Any:
    return model


def _count(counter: OnRows | None, rows: int) -> None:
    if counter is not None:
        counter(rows)


def _asked(
    given: Given,
    how: Any,
    data: PreparedData,
    registry: Registry,
    n_jobs: int | None,
    cache: Path | None,
    digest: Callable[[], str],
    on_progress: OnRows | None,
) -> FittedTeacher:
    """A teacher that has nothing to fit: a column, or one that was fitted before."""
    _count(on_progress, 0)
    if isinstance(given.thing, PredictionsColumn):
        return _read(given, how, data, registry)
    key = key_of(how, data, digest) if cache else None
    predicted = cached(key, cache, partial(_answered, how, data, registry, n_jobs, on_progress))
    return _teacher(given, predicted, data, "prefitted", partial(_same, how))


def _answered(
    how: Any, data: PreparedData, registry: Registry, n_jobs: int | None, on_progress: OnRows | None
) -> TeacherPredictions:
    """Predictions of a teacher that was fitted before, about both parts."""
    parts = (data.train, data.holdout)
    predictions = [
        how.predict(how.rows(part), n_jobs=n_jobs, on_progress=on_progress) for part in parts
    ]
    return _scored(predictions, data, registry, how.notes, np.arange(len(data.holdout)))


def _read(given: Given, how: Any, data: PreparedData, registry: Registry) -> FittedTeacher:
    """A column's predictions; the rows that have none are masked."""
    (train, there), (holdout, there_held_out) = how(data.train), how(data.holdout)
    missing = int(np.sum(~there)) + int(np.sum(~there_held_out))
    rows = np.flatnonzero(there_held_out)
    total = len(there) + len(there_held_out)
    note = f"{missing} of {total} rows have no answer: its terms leave them out."
    predicted = _scored([train, holdout], data, registry, (note,) if missing else (), rows)
    teacher = _teacher(given, predicted, data, "column", None)
    return replace(
        teacher,
        present_train=None if there.all() else there,
        present_holdout=None if there_held_out.all() else there_held_out,
    )


def _scored(
    predictions: list[Any],
    data: PreparedData,
    registry: Registry,
    notes: tuple[str, ...],
    rows: np.ndarray,
) -> TeacherPredictions:
    """With scores on these rows of the holdout."""
    scores = {}
    if len(rows):
        held_out = predictions[1][""][rows]
        scores["holdout"] = score(held_out, data.holdout, data, registry, rows)
    return TeacherPredictions(predictions[0], predictions[1], scores, notes)


def _teacher(
    given: Given,
    predicted: TeacherPredictions,
    data: PreparedData,
    origin: Any,
    fit: Callable[[], Any] | None,
    rows: int = 0,
) -> FittedTeacher:
    classes = None if data.classes is None else len(data.classes)
    return FittedTeacher(
        alias=given.alias,
        text=given.text,
        train=as_tensors(predicted.train, classes),
        holdout=as_tensors(predicted.holdout, classes),
        origin=origin,
        rows=rows,
        scores=predicted.scores,
        notes=tuple(f"Teacher '{given.alias}': {note}" for note in predicted.notes),
        classes=classes,
        fit=fit,
    )
