"""What is exported: a student, how its features are scaled, and rows to compare on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tfloss.data import Scaler
from tfloss.errors import DataError
from tfloss.registry import Registry
from tfloss.runs.folder import Run
from tfloss.training.result import Result

ROWS = 256  # to compare on


@dataclass(frozen=True)
class Source:
    """A student and what belongs to it.

    Attributes:
        model: a Keras model from scaled features (n, d) to logits or answers (n, k).
        task: 'classification' or 'regression'.
        scaler: of the features; None where they were taken as they are.
        features: (n, d) float64 real rows, unscaled.
    """

    model: Any
    task: str
    scaler: Scaler | None
    features: np.ndarray


def source_of_result(result: Result) -> Source:
    """A finished training: rows of its holdout first, then rows that it trained on."""
    data = result.data
    inputs = np.concatenate([data.holdout.inputs, data.train.inputs])[:ROWS].astype(np.float64)
    features = inputs if data.scaler is None else data.scaler.restore(inputs)
    return Source(result.student.forward_model, data.task, data.scaler, features)


def source_of_run(run: Run, registry: Registry) -> Source:
    """A run's folder: its student, and rows of its data, which are loaded again.

    Raises:
        DataError: the data are not there any more, or are others than the run's.
    """
    config, preprocessing = run.config, run.preprocessing()
    table = config.table(registry).with_features(preprocessing.feature_names)
    rows = np.concatenate([run.rows["holdout"], run.rows["train"]])
    rows = rows[rows < len(table)][:ROWS]  # rows that `augment` added have no place in the table
    if not len(rows):
        raise DataError(
            f"'{config.data}' has none of the rows of the run '{run.folder}' any more, so there "
            f"is nothing to compare an exported student on."
        )
    student = run.student()
    return Source(student.forward_model, run.task, preprocessing.scaler, table.features[rows])
