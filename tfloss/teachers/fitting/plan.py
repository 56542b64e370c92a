"""One teacher's plan: on which rows it is fitted, by which folds, and what it predicts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfloss.data import PreparedData, split_rows
from tfloss.errors import UsageError
from tfloss.registry import Registry
from tfloss.teachers.fitting.batched import Predictions
from tfloss.teachers.fitting.classifiers import copied, seen_codes
from tfloss.teachers.fitting.cross_fit import (
    FOLDS,
    ROWS_FOR_CROSS,
    Folds,
    choose_fit,
    make_folds,
)
from tfloss.teachers.fitting.estimator_check import check_estimator, check_regressor
from tfloss.teachers.spec.cost import estimated_seconds, refuse_expensive
from tfloss.teachers.spec.options import Options
from tfloss.teachers.views import SCALED, View, auto_view, view_of


@dataclass(frozen=True, eq=False)
class FitPlan:
    """What will be done with an estimator; checked, and nothing fitted yet.

    Attributes:
        estimator: not fitted.
        name: the teacher's name, for messages.
        options: how to fit it.
        rows: (m,) the training rows that it is fitted on, as positions in the training part.
        folds: of these rows, for predictions out of fold; None: by the model that saw them.
        notes: what was decided, a sentence each.
        view: how it sees rows.
    """

    estimator: Any
    name: str
    options: Options
    rows: np.ndarray
    folds: Folds | None
    notes: tuple[str, ...] = ()
    view: View = field(default_factory=lambda: View(SCALED))

    @property
    def identity(self) -> Any:
        """All that the predictions depend on besides the data."""
        how = (self.options.fit, self.options.calibrate)
        return "plan", self.estimator, how, self.rows, self.folds, self.view.identity


@dataclass(frozen=True, eq=False)
class TeacherPredictions:
    """What a plan gave: predictions for both parts, scores, notes, and the fitted estimator."""

    train: Predictions
    holdout: Predictions
    scores: dict[str, dict[str, float]]
    notes: tuple[str, ...]
    fitted: Any = None


def plan_fit(
    estimator: Any,
    name: str,
    options: Options,
    data: PreparedData,
    registry: Registry,
    seed: int,
    *,
    own: bool = False,
) -> FitPlan:
    """Decide how the estimator is fitted, and refuse what cannot work.

    `own` says whether the user made the estimator; see `auto_view`.

    Raises:
        UsageError: an estimator that is not suitable, or too expensive.
        DataError: too few rows.
    """
    rows = _rows(options, data, seed)
    codes = data.train.codes[rows] if data.classes is not None else None
    _refuse_unsuited(estimator, codes, name, options, data.n_outputs)
    drawn = data.train.rows[rows]
    unlike = np.unique(drawn, return_index=True)[1]  # a row may have been drawn twice
    how = choose_fit(options.fit, len(unlike), None if codes is None else codes[unlike])
    folds = make_folds(drawn, codes, seed, name) if how == "cross" else None
    if not options.force:
        sizes = [len(rows), *(len(train) for train, _ in folds or [])]
        classes = 0 if codes is None else len(np.unique(codes))
        seconds = estimated_seconds(estimator, sizes, classes, registry)
        refuse_expensive(seconds, len(rows), name)
    kind = auto_view(estimator, data, own=own) if options.inputs == "auto" else options.inputs
    notes = _why(options.fit, how, len(rows))
    return FitPlan(
        estimator, name, options, rows, folds, notes, view_of(kind, data, name, estimator=estimator)
    )


def _rows(options: Options, data: PreparedData, seed: int) -> np.ndarray:
    """The labelled training rows, or as many of them as the options allow."""
    rows = np.flatnonzero(data.train.labelled)
    if options.rows is None or options.rows >= len(rows):
        return rows
    codes = data.train.codes[rows] if data.classes is not None else np.zeros(len(rows))
    stratify = data.classes is not None
    chosen = split_rows(codes, train_size=options.rows, stratify=stratify, seed=seed).train
    return rows[np.sort(chosen)]


def _refuse_unsuited(
    estimator: Any, codes: np.ndarray | None, name: str, options: Options, targets: int
) -> None:
    estimator = copied(estimator, name)
    if codes is not None:
        check_estimator(estimator, seen_codes(codes, name)[1], name, options.calibrate)
        return
    check_regressor(estimator, name, targets)
    if options.calibrate not in ("auto", "none"):
        raise UsageError(f"The teacher '{name}' is a regressor, which has nothing to calibrate.")


def _why(asked: str, how: str, rows: int) -> tuple[str, ...]:
    if how == "cross":
        return (f"Predictions for its {rows} training rows are out of fold.",)
    if asked == "train":
        return (f"Predictions for its {rows} training rows are by the model that saw them.",)
    return (
        f"Predictions for its {rows} training rows are by the model that saw them: out of fold "
        f"needs {ROWS_FOR_CROSS} rows and {FOLDS} of every class.",
    )
