"""Fitting what was planned, and predicting every row: for many teachers, folds side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from tfloss.data import PreparedData, score
from tfloss.registry import Registry
from tfloss.teachers.fitting.batched import OnRows, Predictions
from tfloss.teachers.fitting.classifiers import fit_classifier
from tfloss.teachers.fitting.cross_fit import put_together
from tfloss.teachers.fitting.plan import FitPlan, TeacherPredictions
from tfloss.teachers.fitting.regressors import fit_regressor
from tfloss.teachers.fitting.side_by_side import (
    one_thread_where_small,
    safe_in_threads,
    side_by_side,
)


def fit_and_predict(
    plans: Mapping[str, FitPlan],
    data: PreparedData,
    registry: Registry,
    n_jobs: int | None = None,
    on_progress: Callable[[str], OnRows | None] = lambda alias: None,
) -> dict[str, TeacherPredictions]:
    """Fit every plan's estimator, and predict every row of both parts.

    The models of all folds are fitted side by side. First come, one by one, those on all rows:
    what they warn of becomes notes, and warnings of threads get mixed up.

    Args:
        plans: by the teachers' names in the formula.
        data: what they are fitted on and predict.
        registry: whose metrics score them.
        n_jobs: folds, and chunks of rows, that are worked on at once, as joblib counts.
        on_progress: from a name to what is called with numbers of rows that were predicted.
    """
    whole = {
        alias: _on_all_rows(plan, data, n_jobs, on_progress(alias)) for alias, plan in plans.items()
    }
    folds = _out_of_fold(plans, data, n_jobs)
    return {
        alias: _scored(plan, data, registry, *whole[alias], folds.get(alias))
        for alias, plan in plans.items()
    }


def _on_all_rows(
    plan: FitPlan, data: PreparedData, n_jobs: int | None, on_progress: OnRows | None
) -> tuple[Any, Predictions, Predictions]:
    """The estimator fitted on all of the plan's rows, and its predictions for both parts."""
    with one_thread_where_small(len(plan.rows)):
        fitted = fitter(plan, data)(plan.rows)
    parts = (data.train, data.holdout)
    train, holdout = (
        fitted.predict(fitted.rows(part), n_jobs=n_jobs, on_progress=on_progress) for part in parts
    )
    return fitted, train, holdout


def _out_of_fold(
    plans: Mapping[str, FitPlan], data: PreparedData, n_jobs: int | None
) -> dict[str, Predictions]:
    """For the teachers that have folds, predictions of their rows by models that did not see them.

    Estimators that are not known to be safe in threads have their folds fitted one by one.
    """
    jobs: dict[bool, list[tuple[str, int]]] = {True: [], False: []}
    for alias, plan in plans.items():
        threads = safe_in_threads(plan.estimator)
        jobs[threads] += [(alias, place) for place in range(len(plan.folds or ()))]
    found: dict[str, dict[int, Predictions]] = {}
    for threads, wanted in jobs.items():
        run = [partial(_fold, plans[alias], data, place) for alias, place in wanted]
        rows = max((len(plans[alias].rows) for alias, _ in wanted), default=0)
        results = side_by_side(run, rows, n_jobs if threads else 1)
        for (alias, place), predictions in zip(wanted, results, strict=True):
            found.setdefault(alias, {})[place] = predictions
    return {
        alias: put_together([parts[place] for place in sorted(parts)], plans[alias].folds or [])
        for alias, parts in found.items()
    }


def _fold(plan: FitPlan, data: PreparedData, place: int) -> Predictions:
    assert plan.folds is not None
    train, left_out = plan.folds[place]
    fitted = fitter(plan, data, warn=False)(plan.rows[train])
    predictions: Predictions = fitted.predict(
        fitted.rows(data.train)[plan.rows[left_out]], n_jobs=1
    )
    return predictions


def _scored(
    plan: FitPlan,
    data: PreparedData,
    registry: Registry,
    fitted: Any,
    train: Predictions,
    holdout: Predictions,
    fair: Predictions | None,
) -> TeacherPredictions:
    """With scores on its own rows, out of fold and on the holdout; `fair` replaces its own."""
    rows = plan.rows
    scores = {"own rows": score(train[""][rows], data.train, data, registry, rows)}
    if fair is not None:
        scores["out of fold"] = score(fair[""], data.train, data, registry, rows)
        for key, values in fair.items():
            train[key][rows] = values
    if len(data.holdout):
        scores["holdout"] = score(holdout[""], data.holdout, data, registry)
    return TeacherPredictions(train, holdout, scores, (*plan.notes, *fitted.notes), fitted)


def fitter(plan: FitPlan, data: PreparedData, *, warn: bool = True) -> Callable[[np.ndarray], Any]:
    """A function from positions of training rows to the estimator fitted on them.

    With `warn`, what it warns of becomes notes.
    """
    part, view = data.train, plan.view
    inputs, weights = view.rows(part), part.weight

    def weight(rows: np.ndarray) -> np.ndarray | None:
        return None if weights is None else weights[rows]

    if data.classes is None:
        return lambda rows: fit_regressor(
            plan.estimator,
            view.show(inputs[rows]),
            part.labels[rows] if part.labels.shape[1] > 1 else part.labels[rows, 0],
            name=plan.name,
            weight=weight(rows),
            warn=warn,
            view=view,
        )
    classes = len(data.classes)
    return lambda rows: fit_classifier(
        plan.estimator,
        view.show(inputs[rows]),
        part.codes[rows],
        classes=classes,
        name=plan.name,
        calibrate=plan.options.calibrate,
        weight=weight(rows),
        warn=warn,
        view=view,
    )
