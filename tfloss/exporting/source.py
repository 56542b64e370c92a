"""What is exported: a student, how its features are scaled, and rows to compare on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tfloss.data import Scaler
from tfloss.runs.folder import Run
from tfloss.runs.kept_rows import SAMPLE
from tfloss.training.result import Result

ROWS = SAMPLE  # to compare on


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


def source_of_run(run: Run) -> Source:
    """A run's folder: its student, and rows that the run kept; its data are not needed.

    Raises:
        DataError: a file of the run is not what the run wrote.
    """
    scaler = run.preprocessing().scaler
    rows = run.kept_rows().sample.astype(np.float64)
    features = rows if scaler is None else scaler.restore(rows)
    return Source(run.student().forward_model, run.task, scaler, features)
