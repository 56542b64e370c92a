"""What a training leaves: the student, what was seen of it, and how good it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tfloss.data import PreparedData, score
from tfloss.display import renderer
from tfloss.errors import DataError
from tfloss.objective import Objective
from tfloss.objective.remarks import remarks_of, static_formula
from tfloss.registry import Registry
from tfloss.student import Student
from tfloss.teachers import FittedTeacher
from tfloss.training.history import History
from tfloss.training.scores import as_columns, predict, scores_of_all
from tfloss.training.summary import summary_text


@dataclass
class Result:
    """A finished training.

    Attributes:
        student: with its trained weights; `student.model` is the Keras model.
        objective: what was minimised.
        history: every epoch's total and terms, on the training rows and the holdout.
        scores: every metric by 'student on holdout', 'teacher on holdout', …
        teachers: the fitted teachers by name.
        data: what it was trained on; of a stream, its holdout.
        seconds: how long the parts took: 'teachers', 'training'.
        compiled_as: 'xla', 'graph', or 'eager' where callbacks saw every batch.
        compiled_because: why, in one clause.
        events: what was done where numbers were not finite, and what is remarkable about the
            student, a sentence each.
        traces: how often the program was traced.
        labels: by metric, how a table names it.
    """

    student: Student
    objective: Objective
    history: History
    scores: dict[str, dict[str, float]]
    teachers: Mapping[str, FittedTeacher]
    data: PreparedData
    seconds: dict[str, float] = field(default_factory=dict)
    compiled_as: str = ""
    compiled_because: str = ""
    events: list[str] = field(default_factory=list)
    traces: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)

    def predict(self, features: Any) -> np.ndarray:
        """Probabilities (n, classes) for features as they stand in the data.

        Args:
            features: (n, d) in the order of training, or a data frame with columns of those names;
                neither encoded nor scaled. A stream's inputs are taken as they are.

        Returns:
            (n, classes) float64; for regression the predicted values, (n, k).

        Raises:
            DataError: another shape or other columns, a number that is infinite, or a gap where
                training had none.
        """
        if self.data.source is None:
            return predict(self.student, self._as_they_are(features), self.data.task)
        inputs = self.data.inputs_of(self.data.table_of(features))
        return predict(self.student, inputs, self.data.task)

    def _as_they_are(self, features: Any) -> np.ndarray:
        features = np.asarray(features, np.float64)
        shape = self.data.train.inputs.shape[1:]
        if features.shape[1:] != shape:
            raise DataError(
                f"The features have shape {features.shape}; give one row per example, each "
                f"of shape {shape}."
            )
        bad = np.flatnonzero(~np.isfinite(features.reshape(len(features), -1)).all(axis=1))
        if len(bad):
            raise DataError(
                f"A feature is missing (NaN) or infinite in row {bad[0]} (counted from 0)."
            )
        if self.data.scaler is not None:
            features = self.data.scaler.transform(features)
        return features.astype(np.float32)

    @property
    def static_formula(self) -> str | None:
        """The formula with fixed coefficients that weighs as its balances did on average, or None.

        `0.83*bce + 1.17*kl` for a training by `uncertainty(bce, kl)`.
        """
        return static_formula(self.objective, self._curves())

    @property
    def remarks(self) -> list[str]:
        """What the training showed of weights, constraints and gradients, a sentence each."""
        return remarks_of(self.objective, self._curves())

    def _curves(self) -> dict[str, np.ndarray]:
        return {name: self.history.column(name) for name in self.history.names}

    def plot(self) -> Any:
        """The total and each weighted term by step: a matplotlib Figure."""
        return renderer().history_figure(self)

    def _repr_html_(self) -> str:
        return renderer().result_html(self)

    def __str__(self) -> str:
        return summary_text(self.history.as_summary(), self.scores, self.labels)


def all_scores(
    student: Student,
    teachers: Mapping[str, FittedTeacher],
    data: PreparedData,
    registry: Registry,
) -> dict[str, dict[str, float]]:
    """Scores of the student, and of each teacher where it has an answer."""
    whole = {name: t for name, t in teachers.items() if t.present_holdout is None}
    answers = {name: _summing_to_one(t) for name, t in whole.items()}
    scores = scores_of_all(student, answers, data, registry)
    for name, teacher in teachers.items():
        if teacher.present_holdout is None or not len(data.holdout):
            continue
        there = data.holdout.labelled & teacher.present_holdout
        part = replace(data.holdout, present={**data.holdout.present, "labels": there})
        scores[f"{name} on holdout"] = score(_summing_to_one(teacher), part, data, registry)
    return scores


def _summing_to_one(teacher: FittedTeacher) -> np.ndarray:
    """A teacher's predictions for the holdout in float64; for classes (n, classes)."""
    if teacher.classes is None:
        return teacher.predictions_holdout.astype(np.float64)
    full = as_columns(teacher.predictions_holdout)
    # In float32 they sum to one within 1e-7, which is too little for scikit-learn's metrics.
    return full / full.sum(axis=1, keepdims=True)
