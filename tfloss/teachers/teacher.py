"""Soft targets for training: each teacher fitted once, and asked once about every row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfloss.data import PreparedData
from tfloss.errors import UsageError
from tfloss.registry import Registry
from tfloss.teachers.building import build_estimator
from tfloss.teachers.fitting import Fitted, ask, fit_teacher, seeded
from tfloss.teachers.probabilities import as_column
from tfloss.teachers.spec import DEFAULT_ALIAS, TeacherSpec, parse_teacher, refuse_same_alias


@dataclass(frozen=True, eq=False)
class FittedTeacher:
    """A teacher that has been fitted and asked.

    Attributes:
        alias: its name in a formula.
        text: what it was called by, or its class.
        answers_train: (n, 1) or (n, C) float32, one row for each training row.
        answers_holdout: the same for the holdout.
        fitted: the estimator, and its order of classes.
        notes: what a user should know, a sentence each.
    """

    alias: str
    text: str
    answers_train: np.ndarray
    answers_holdout: np.ndarray
    fitted: Fitted
    notes: tuple[str, ...] = field(default=())

    @property
    def estimator(self) -> Any:
        return self.fitted.estimator

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Answers for other rows, (n, 1) or (n, C) float32; inputs (n, d) scaled as in training."""
        return as_column(ask(self.fitted, inputs))


def supply(
    teachers: Any, data: PreparedData, registry: Registry, *, seed: int = 0, fit: str = "auto"
) -> dict[str, FittedTeacher]:
    """Fit every teacher on the labelled training rows, and ask it about all rows.

    Args:
        teachers: 'gpc', a TeacherSpec, an estimator, a list of these, or a mapping from names.
        data: rows that train and rows that nothing is fitted on.
        registry: who knows teachers by name.
        seed: for every `random_state` that the user did not set.
        fit: how a teacher answers for rows that it was fitted on.

    Raises:
        UsageError: unknown names or settings, or one name for two teachers.
        DataError: rows that a teacher cannot be fitted on.
        PluginError: an estimator that fails or does not answer with probabilities.
    """
    specs = _specs(teachers)
    built = [(spec, _estimator(spec, registry, seed)) for spec in specs]
    return {spec.alias: _fit_and_ask(spec, estimator, data) for spec, estimator in built}


@dataclass(frozen=True)
class _Given:
    """An estimator that was handed in as an object."""

    alias: str
    estimator: Any
    text: str


def _specs(teachers: Any) -> list[TeacherSpec | _Given]:
    if isinstance(teachers, Mapping):
        specs = [_spec(teacher, alias) for alias, teacher in teachers.items()]
    elif isinstance(teachers, Iterable) and not isinstance(teachers, str) and not _fits(teachers):
        specs = [_spec(teacher) for teacher in teachers]
    else:
        specs = [] if teachers is None else [_spec(teachers)]
    refuse_same_alias((spec.alias, spec.text) for spec in specs)
    return specs


def _spec(teacher: Any, alias: str | None = None) -> TeacherSpec | _Given:
    if isinstance(teacher, str):
        teacher = parse_teacher(teacher if alias is None else f"{alias}={teacher}")
    if isinstance(teacher, TeacherSpec):
        return teacher
    if not _fits(teacher):
        raise UsageError(
            f"A {type(teacher).__name__} is not a teacher; give a name, or an estimator with 'fit' "
            f"and 'predict_proba'."
        )
    return _Given(alias or DEFAULT_ALIAS, teacher, type(teacher).__name__)


def _fits(teacher: Any) -> bool:
    """Whether it is an estimator; a Pipeline is also a sequence, so this is asked first."""
    return hasattr(teacher, "fit") and not isinstance(teacher, type)


def _estimator(spec: TeacherSpec | _Given, registry: Registry, seed: int) -> Any:
    if isinstance(spec, TeacherSpec):
        return seeded(build_estimator(spec, registry), seed, keep=frozenset(spec.settings))
    from tfloss.teachers.fitting import copied

    return seeded(copied(spec.estimator, spec.alias), seed)


def _fit_and_ask(spec: TeacherSpec | _Given, estimator: Any, data: PreparedData) -> FittedTeacher:
    if data.classes is None:
        raise UsageError(f"The teacher '{spec.text}' is a classifier, but '{data.name}' has none.")
    rows = data.train.labelled
    fitted = fit_teacher(
        estimator,
        data.train.inputs[rows],
        data.train.codes[rows],
        classes=len(data.classes),
        name=spec.alias,
    )
    answers = [as_column(ask(fitted, part.inputs)) for part in (data.train, data.holdout)]
    return FittedTeacher(spec.alias, spec.text, answers[0], answers[1], fitted, fitted.notes)
