"""What a teacher can do, for listings and its page; made, but not fitted."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from tfloss.errors import DataError, UsageError
from tfloss.formula import ShortText
from tfloss.registry import Registry, Teacher
from tfloss.teachers.fitting.estimator_check import check_estimator, check_regressor
from tfloss.teachers.spec.building import build_estimator
from tfloss.teachers.spec.text import TeacherSpec


@dataclass(frozen=True)
class AboutTeacher:
    """What is known of a teacher without fitting it.

    Attributes:
        name: what the registry calls it.
        summary: one line.
        estimator: the dotted name of its class.
        task: 'classification' or 'regression'.
        answers: 'probabilities', 'calibrated', 'refused', 'prediction', or 'prediction and
            deviation'.
        reason: why it is refused, or what is done to it; '' otherwise.
        settings: its settings and their defaults.
        needs: settings without which it cannot be made.
    """

    name: str
    summary: str
    estimator: str
    task: Literal["classification", "regression"]
    answers: str
    reason: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()


def about_teacher(name: str, registry: Registry) -> AboutTeacher:
    """Describe a teacher of estimators by its name.

    Estimators that need others inside are described with logistic regression in their place.

    Raises:
        UsageError: an unknown name, or one that stands for no estimator (a column, a file).
    """
    declaration = registry.get(Teacher, name)
    needs = tuple(sorted(declaration.signature.mandatory))
    stand_in = ShortText("LogisticRegression")
    inside = {key: [stand_in] if key.endswith("s") else stand_in for key in needs}
    estimator = build_estimator(TeacherSpec(name, name, inside), registry)
    if not hasattr(estimator, "fit"):
        raise UsageError(f"The teacher '{name}' is no estimator, so there is nothing to describe.")
    task, answers, reason = _answers(estimator, name)
    kind = type(estimator)
    own = estimator.get_params(deep=False) if hasattr(estimator, "get_params") else {}
    return AboutTeacher(
        name=name,
        summary=declaration.summary,
        estimator=declaration.estimator or f"{kind.__module__}.{kind.__qualname__}",
        task=task,
        answers=answers,
        reason=reason,
        settings={key: value for key, value in own.items() if key not in needs},
        needs=needs,
    )


def about_all(registry: Registry) -> list[AboutTeacher]:
    """Every classifier and regressor of scikit-learn by its class name; none is fitted."""
    from sklearn.utils import all_estimators

    names = [name for name, _ in all_estimators(type_filter=["classifier", "regressor"])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # about classes that will go
        return [about_teacher(name, registry) for name in names]


def _answers(estimator: Any, name: str) -> tuple[Literal["classification", "regression"], str, str]:
    """Task, kind of answers, and reason."""
    from sklearn.base import is_regressor

    if is_regressor(estimator):
        # Asked of the class: an instance may have no `predict` before it is fitted.
        try:
            check_regressor(estimator, name)
        except UsageError as error:
            return "regression", "refused", str(error)
        deviation = "return_std" in inspect.signature(type(estimator).predict).parameters
        return "regression", "prediction and deviation" if deviation else "prediction", ""
    try:
        # Two classes with rows enough: what is refused here is refused everywhere.
        ready, notes = check_estimator(estimator, np.arange(10) % 2, name)
    except (UsageError, DataError) as error:
        return "classification", "refused", str(error)
    calibrated = not (hasattr(estimator, "predict_proba") or ready is estimator)
    return "classification", "calibrated" if calibrated else "probabilities", " ".join(notes)
