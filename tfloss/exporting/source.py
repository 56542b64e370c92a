"""What is exported: a student, how its features are scaled, and rows to compare on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfloss.data import Encoder, Scaler
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
        features: (n, d) float64 real rows, neither encoded nor scaled.
        encoder: of the features; None where they are numbers without gaps.
        levels: by category, the texts that its positions stand for.
        link: 'log' where the model's answers are logarithms; what is exported undoes it.
    """

    model: Any
    task: str
    scaler: Scaler | None
    features: np.ndarray
    encoder: Encoder | None = None
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    link: str = ""

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
    model = result.student.forward_model
    parts = [data.holdout.features, data.train.features]
    if data.source is not None and all(part is not None for part in parts):
        places = [data.source.names.index(name) for name in data.source_names]
        rows: Any = np.concatenate(parts)  # type: ignore[arg-type]
        features = rows[:ROWS][:, places]
        return Source(
            model,
            data.task,
            data.scaler,
            features,
            data.encoder,
            dict(data.source.levels),
            result.student.link,
        )
    inputs = np.concatenate([data.holdout.inputs, data.train.inputs])[:ROWS].astype(np.float64)
    features = inputs if data.scaler is None else data.scaler.restore(inputs)
    return Source(model, data.task, data.scaler, features, link=result.student.link)


def source_of_run(run: Run, registry: Registry) -> Source:
    """A run's folder: its student, and rows of its data, which are loaded again.

    Raises:
        DataError: the data are not there any more, or are others than the run's.
    """
    config, preprocessing = run.config, run.preprocessing()
    table = config.table(registry).with_features(preprocessing.source_names)
    rows = np.concatenate([run.rows["holdout"], run.rows["train"]])
    rows = rows[rows < len(table)][:ROWS]  # rows that `augment` added have no place in the table
    if not len(rows):
        raise DataError(
            f"'{config.data}' has none of the rows of the run '{run.folder}' any more, so there "
            f"is nothing to compare an exported student on."
        )
    student = run.student()
    return Source(
        student.forward_model,
        run.task,
        preprocessing.scaler,
        table.features[rows],
        preprocessing.encoder,
        table.levels,
        student.link,
    )
