"""What every student should beat: the same prediction for all rows."""

from __future__ import annotations

import numpy as np

from tfloss.data import Columns, PreparedData
from tfloss.objective import Objective
from tfloss.objective.plan import TensorUse
from tfloss.student import Student
from tfloss.training.scores import predict


def remarks(student: Student, objective: Objective, data: PreparedData) -> list[str]:
    """What a user should know of a trained student, a sentence each."""
    found = []
    if data.classes is None and len(data.holdout) and len(data.train):
        predictions = predict(student, data.holdout.inputs, data.task)
        own, constant = squared_errors(predictions, data.holdout, data)
        if not own < constant:
            found.append(
                f"The student is no better on the holdout than a constant prediction, the mean of "
                f"the training rows: mean squared error {own:.4g} against {constant:.4g}."
            )
    if data.classes is not None and len(data.classes) > 2:
        found += [
            f"'{use.text}' on {len(data.classes)} classes asks about each class by itself, yes or "
            f"no; the student's probabilities are a softmax all the same: ce is the loss of those."
            for term in objective.terms
            for use in term.losses
            if use.loss.yes_or_no and isinstance(use.tensors.get("labels"), TensorUse)
        ]
    return found


def squared_errors(
    predictions: np.ndarray, part: Columns, data: PreparedData
) -> tuple[float, float]:
    """The mean squared error of predictions, and that of the mean of the training rows.

    Args:
        predictions: (n, k).
        part: with the labels of these rows.
        data: whose training rows tell the mean.
    """
    truth = part.labels[part.labelled].astype(np.float64)
    own = np.asarray(predictions, np.float64)[part.labelled]
    mean = data.train.labels[data.train.labelled].mean(axis=0, dtype=np.float64)
    return float(((own - truth) ** 2).mean()), float(((mean - truth) ** 2).mean())
