"""What is exported: a student, how its features are scaled, and rows to compare on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfloss.data import Encoder, PreparedData, Scaler
from tfloss.runs.folder import Run
from tfloss.runs.kept_rows import SAMPLE, sample_of
from tfloss.training.result import Result

ROWS = SAMPLE  # to compare on


@dataclass(frozen=True)
class Source:
    """A student and what belongs to it.

    Attributes:
        model: a Keras model from scaled features (n, d) to logits or answers (n, k).
        task: 'classification' or 'regression'.
        scaler: of the features; None where they were taken as they are.
        features: (n, d) float64 real rows, neither encoded nor scaled.
        encoder: of the features; None where they are numbers without gaps.
        levels: by category, the texts that its positions stand for.
        names: of the features, in their order; () where they are not known.
        classes: in the order of the answers; () for regression.
        link: 'log' or 'logit' where the model's answers are that; what is exported undoes it.
    """

    model: Any
    task: str
    scaler: Scaler | None
    features: np.ndarray
    encoder: Encoder | None = None
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    link: str = ""
    names: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()

    @property
    def encoded(self) -> np.ndarray:
        """(n, m) float64, the rows encoded and not yet scaled."""
        if self.encoder is None:
            return self.features
        return self.encoder.transform(self.features, self.levels)

    @property
    def scaled(self) -> np.ndarray:
        """(n, m) float64, as the student gets them."""
        return self.encoded if self.scaler is None else self.scaler.transform(self.encoded)


def source_of_result(result: Result) -> Source:
    """A finished training: rows of its holdout first, then rows that it trained on."""
    data = result.data
    features, levels = sample_of(data)
    encoder = None if features is None else data.encoder
    if features is None:
        inputs = np.concatenate([data.holdout.inputs, data.train.inputs])[:ROWS]
        features = _restored(inputs, data.scaler)
    student = result.student
    return Source(
        student.forward_model,
        data.task,
        data.scaler,
        features,
        encoder,
        levels,
        student.link,
        data.source_names,
        _classes(data),
    )


def source_of_run(run: Run) -> Source:
    """A run's folder: its student, and rows that the run kept; its data are not needed.

    Raises:
        DataError: a file of the run is not what the run wrote.
    """
    preprocessing, kept = run.preprocessing(), run.kept_rows()
    scaler, encoder, features = preprocessing.scaler, preprocessing.encoder, kept.features
    if features is None:
        encoder, features = None, _restored(kept.inputs, scaler)
    student = run.student()
    return Source(
        student.forward_model,
        run.task,
        scaler,
        features,
        encoder,
        kept.levels,
        student.link,
        preprocessing.source_names,
        _classes(preprocessing),
    )


def _classes(data: PreparedData) -> tuple[str, ...]:
    return () if data.classes is None else tuple(map(str, data.classes.names))


def _restored(inputs: np.ndarray, scaler: Scaler | None) -> np.ndarray:
    inputs = inputs.astype(np.float64)
    return inputs if scaler is None else scaler.restore(inputs)
