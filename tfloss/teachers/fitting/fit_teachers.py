"""Soft targets for training: each teacher fitted once, and asked about every row."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tfloss.data import PreparedData
from tfloss.errors import UsageError
from tfloss.registry import Registry
from tfloss.teachers.cache import cached, key_of
from tfloss.teachers.column import PredictionsColumn, read_predictions
from tfloss.teachers.fitting.batched import Watch
from tfloss.teachers.fitting.classifiers import copied, seeded
from tfloss.teachers.fitting.plan import (
    FitPlan,
    TeacherPredictions,
    fit_and_predict,
    fitter,
    plan_fit,
)
from tfloss.teachers.fitting.scores import score
from tfloss.teachers.keras_models import OWN_TENSORS, check_network, is_network
from tfloss.teachers.prefitted import PrefittedTeacher, check_prefitted, is_fitted
from tfloss.teachers.spec.building import build_estimator
from tfloss.teachers.spec.options import Options
from tfloss.teachers.spec.text import DEFAULT_ALIAS, TeacherSpec, parse_teacher, refuse_same_alias
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
    n_jobs: int | None = None,
    cache: str | Path | None = None,
    watch: Callable[[str, int, int], None] | None = None,
    tensors: Collection[str] = (),
) -> dict[str, FittedTeacher]:
    """Fit every teacher on labelled training rows, and ask it about all rows.

    Everything that can be refused is refused before anything is fitted.

    Args:
        teachers: 'gpc', a TeacherSpec, an estimator, a list of these, or a mapping from names. An
            estimator that is fitted already is not fitted again.
        data: rows that train and rows that nothing is fitted on.
        registry: who knows teachers by name.
        seed: of the folds, and for every `random_state` that the user did not set.
        fit, calibrate, rows, force: see `Options`; a teacher's own text overrules them.
        n_jobs: how many chunks of rows are asked about at once, as joblib counts.
        cache: a folder in which predictions are kept; the environment's TFLOSS_CACHE unless said.
        watch: called with a teacher's name, the rows it has answered, and all it will answer; first
            with 0, before it is fitted.
        tensors: names that a formula uses; `alias.LAYER` among them asks a network for a layer.

    Raises:
        UsageError: unknown names or settings, one name for two teachers, an unsuited estimator.
        DataError: rows that a teacher cannot be fitted on, or a teacher that does not fit the data.
        PluginError: an estimator that fails or does not predict as it should.
    """
    defaults = Options(fit, calibrate, rows, force)
    cache = cache or os.environ.get(CACHE_VARIABLE) or None
    given = [_resolved(one, defaults, registry, seed) for one in _listed(teachers)]
    ready = [
        (one, _prepared(one, data, registry, seed, _layers(one.alias, tensors))) for one in given
    ]
    return {
        one.alias: _asked(
            one, how, data, n_jobs, Path(cache) if cache else None, _counter(one.alias, data, watch)
        )
        for one, how in ready
    }


@dataclass(frozen=True, eq=False)
class _Given:
    """A teacher as the user gave it: a text's name and settings, or an object."""

    alias: str
    text: str
    thing: Any
    options: Options = field(default_factory=Options)

    @property
    def name(self) -> str:
        """What messages call it: the name that the user gave it, else what the user wrote."""
        return self.text if self.alias == DEFAULT_ALIAS else self.alias


def _listed(teachers: Any) -> list[_Given]:
    if isinstance(teachers, Mapping):
        given = [_given(teacher, alias) for alias, teacher in teachers.items()]
    elif teachers is None:
        given = []
    elif isinstance(teachers, Iterable) and not isinstance(teachers, str) and not _fits(teachers):
        given = [_given(teacher) for teacher in teachers]
    else:
        given = [_given(teachers)]
    refuse_same_alias((one.alias, one.text) for one in given)
    return given


def _given(teacher: Any, alias: str | None = None) -> _Given:
    if isinstance(teacher, str):
        teacher = parse_teacher(teacher if alias is None else f"{alias}={teacher}")
    if isinstance(teacher, TeacherSpec):
        return _Given(alias or teacher.alias, teacher.text or teacher.name, teacher)
    if not (_fits(teacher) or isinstance(teacher, PrefittedTeacher | PredictionsColumn)):
        raise UsageError(
            f"A {type(teacher).__name__} is not a teacher; give a name, or an estimator with 'fit' "
            f"and 'predict_proba'."
        )
    return _Given(alias or DEFAULT_ALIAS, type(teacher).__name__, teacher)


def _fits(teacher: Any) -> bool:
    """Whether it is an estimator; a Pipeline is also a sequence, so this is asked first."""
    return hasattr(teacher, "fit") and not isinstance(teacher, type)


def _resolved(given: _Given, options: Options, registry: Registry, seed: int) -> _Given:
    """The object that a text names, seeded; a fitted one as it is."""
    thing, keep = given.thing, frozenset[str]()
    if isinstance(thing, TeacherSpec):
        options, settings = options.taking(thing.settings)
        thing = build_estimator(replace(thing, settings=settings), registry)
        keep = frozenset(settings)
    if isinstance(thing, PrefittedTeacher | PredictionsColumn):
        return replace(given, thing=thing, options=options)
    if is_network(thing) or is_fitted(thing):
        return replace(given, thing=PrefittedTeacher(thing, given.text), options=options)
    return replace(given, thing=seeded(copied(thing, given.name), seed, keep), options=options)


def _layers(alias: str, tensors: Collection[str]) -> frozenset[str]:
    """The layers of this teacher that `alias.LAYER` among the names asks for."""
    start = f"{alias}."
    names = {name.removeprefix(start) for name in tensors if name.startswith(start)}
    return frozenset(names - OWN_TENSORS)


def _prepared(
    given: _Given, data: PreparedData, registry: Registry, seed: int, layers: frozenset[str]
) -> Any:
    """What is left to do, checked."""
    if isinstance(given.thing, PrefittedTeacher):
        known = given.thing
        if is_network(known.estimator):
            return check_network(known, data, given.name, layers)
        return check_prefitted(given.thing, data, given.name, given.options.calibrate)
    if isinstance(given.thing, PredictionsColumn):
        return partial(read_predictions, given.thing, data=data, name=given.name)
    return plan_fit(given.thing, given.name, given.options, data, registry, seed)


def _counter(
    alias: str, data: PreparedData, watch: Callable[[str, int, int], None] | None
) -> Watch | None:
    """From rows answered just now to rows answered so far."""
    if watch is None:
        return None
    total = len(data.train) + len(data.holdout)
    done = 0

    def count(rows: int) -> None:
        nonlocal done
        done += rows
        watch(alias, done, total)

    return count


def _asked(
    given: _Given,
    how: Any,
    data: PreparedData,
    n_jobs: int | None,
    cache: Path | None,
    watch: Watch | None,
) -> FittedTeacher:
    if watch is not None:
        watch(0)
    if isinstance(how, FitPlan):
        key = key_of(how, data) if cache else None
        predicted = cached(key, cache, partial(fit_and_predict, how, data, n_jobs, watch))
        fitted = predicted.fitted
        fit: Callable[[], Any] = partial(fitter(how, data), how.rows)
        kind = "train" if how.folds is None else "cross"
        return _teacher(
            given, predicted, data, kind, (lambda: fitted) if fitted else fit, len(how.rows)
        )
    if isinstance(given.thing, PredictionsColumn):
        return _read(given, how, data)
    key = key_of(how, data) if cache else None
    predicted = cached(key, cache, partial(_answered, how, data, n_jobs, watch))
    return _teacher(given, predicted, data, "prefitted", lambda: how)


def _answered(
    how: Any, data: PreparedData, n_jobs: int | None, watch: Watch | None
) -> TeacherPredictions:
    """Predictions of a teacher that was fitted before, about both parts."""
    parts = (data.train, data.holdout)
    predictions = [how.predict(part.inputs, n_jobs=n_jobs, watch=watch) for part in parts]
    return _scored(predictions, data, how.notes, np.arange(len(data.holdout)))


def _read(given: _Given, how: Any, data: PreparedData) -> FittedTeacher:
    """A column's predictions; the rows that have none are masked."""
    (train, there), (holdout, there_held_out) = how(data.train), how(data.holdout)
    missing = int(np.sum(~there)) + int(np.sum(~there_held_out))
    rows = np.flatnonzero(there_held_out)
    total = len(there) + len(there_held_out)
    note = f"{missing} of {total} rows have no answer: its terms leave them out."
    predicted = _scored([train, holdout], data, (note,) if missing else (), rows)
    teacher = _teacher(given, predicted, data, "column", None)
    return replace(
        teacher,
        present_train=None if there.all() else there,
        present_holdout=None if there_held_out.all() else there_held_out,
    )


def _scored(
    predictions: list[Any], data: PreparedData, notes: tuple[str, ...], rows: np.ndarray
) -> TeacherPredictions:
    """With scores on these rows of the holdout."""
    scores = {"holdout": score(predictions[1][""][rows], data.holdout, rows)} if len(rows) else {}
    return TeacherPredictions(predictions[0], predictions[1], scores, notes)


def _teacher(
    given: _Given,
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
