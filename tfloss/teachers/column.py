"""A column of the data as a teacher: predictions that were computed elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfloss.data import Columns, PreparedData
from tfloss.errors import DataError, PluginError, UsageError, did_you_mean, listed
from tfloss.teachers.fitting.batched import Predictions
from tfloss.teachers.fitting.probabilities import aligned


@dataclass(frozen=True)
class PredictionsColumn:
    """Extra columns of the data that hold a teacher's predictions; what a factory returns.

    Attributes:
        names: one column, or one per class in declared order.
    """

    names: tuple[str, ...]


def read_predictions(
    column: PredictionsColumn, part: Columns, data: PreparedData, name: str
) -> tuple[Predictions, np.ndarray]:
    """The predictions for one side of the split, and in which rows there are any.

    One column of two classes is the probability of the second class. A row without an answer gets
    one that says nothing (equal shares, 0), and is masked.

    Returns:
        probabilities of all classes, or a prediction, under ''; and (n,) bool.

    Raises:
        UsageError: no such column.
        DataError: no answer in any row, or predictions that are no probabilities.
    """
    values = np.concatenate([_column(key, part, data, name) for key in column.names], axis=1)
    present = np.ones(len(part), dtype=bool)
    for key in column.names:
        present &= part.present.get(key, True)
    if len(part) and not present.any():
        raise DataError(
            f"The teacher '{name}' has no answer in any of {len(part)} rows of "
            f"{listed(column.names)}; fill it in, or use another teacher."
        )
    if data.classes is None:
        if values.shape[1] != 1:
            raise DataError(
                f"The teacher '{name}' has {values.shape[1]} columns; for regression name one."
            )
        return {"": np.where(present[:, None], values, 0.0)}, present
    classes = len(data.classes)
    if classes == 2 and values.shape[1] == 1:
        values = np.concatenate([1 - values, values], axis=1)
    values[~present] = 1 / values.shape[1]
    try:
        remedy = f"fix the data's {listed(column.names)}"
        predictions = aligned(values, np.arange(classes), len(part), classes, name, remedy)
    except PluginError as error:  # here the numbers are the data's
        raise DataError(str(error)) from error
    return {"": predictions.astype(np.float32)}, present


def _column(key: str, part: Columns, data: PreparedData, name: str) -> np.ndarray:
    others = [column for column in part.values if column not in ("inputs", "labels")]
    if key not in others:
        raise UsageError(
            f"The teacher '{name}' asks for the column '{key}', which '{data.name}' does not have "
            f"as a column.{did_you_mean(key, others)} It has: {listed(others)}."
        )
    return part.values[key].astype(np.float64)
