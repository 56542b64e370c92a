"""How good a teacher's predictions are, to show what it knows of rows that it was fitted on."""

from __future__ import annotations

import numpy as np

from tfloss.data import Columns


def score(predictions: np.ndarray, part: Columns, rows: np.ndarray) -> dict[str, float]:
    """Accuracy and log-loss for classes, mean squared error for a quantity; {} without rows.

    Args:
        predictions: (m, classes) probabilities, or (m, 1).
        part: where the labels stand.
        rows: (m,) positions in the part; they have labels.
    """
    if not len(rows):
        return {}
    if not len(part.codes):
        error = predictions[:, 0].astype(np.float64) - part.labels[rows, 0]
        return {"mse": float(np.mean(error**2))}
    codes = part.codes[rows]
    said = predictions[np.arange(len(rows)), codes].astype(np.float64)
    return {
        "accuracy": float(np.mean(predictions.argmax(axis=1) == codes)),
        "log_loss": float(-np.mean(np.log(said))),
    }
