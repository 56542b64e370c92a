"""What a classifier predicts, checked, in the declared order of the classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfloss.errors import PluginError

# Probabilities stay this far from 0 and 1, so that their logarithms stay finite in float32.
FLOOR = 1e-7
# How far the probabilities of a row may be from summing to one: some estimators answer in float32.
SUM_TOLERANCE = 1e-3


def aligned(
    predictions: Any, columns: np.ndarray, rows: int, classes: int, teacher: str, remedy: str = ""
) -> np.ndarray:
    """What `predict_proba` gave, as (rows, classes) float64 in declared order, off exact 0 and 1.

    A class that the estimator does not know gets the floor.

    Args:
        predictions: (rows, k) as the estimator gave them.
        columns: (k,) the declared position of each of its columns.
        rows: how many rows it predicted.
        classes: the number of declared classes.
        teacher: its name, for messages.
        remedy: what to do about bad predictions, where calibrating or replacing it is no help.

    Raises:
        PluginError: another shape, numbers that are not finite or not probabilities.
    """
    checked = _checked(predictions, (rows, len(columns)), teacher, remedy)
    probabilities = np.zeros((rows, classes))
    probabilities[:, columns] = checked
    probabilities = np.maximum(probabilities, FLOOR)
    return probabilities / probabilities.sum(axis=1, keepdims=True)


def as_column(probabilities: np.ndarray) -> np.ndarray:
    """(n, C) as a formula sees it, float32: (n, 1), the second class, for two classes."""
    if probabilities.shape[1] == 2:
        probabilities = probabilities[:, 1:]
    return np.ascontiguousarray(probabilities, dtype=np.float32)


def log_odds(predictions: np.ndarray) -> np.ndarray:
    """Logits whose sigmoid (one column) or softmax (several) are these probabilities, float32."""
    probabilities = np.clip(predictions.astype(np.float64), FLOOR, 1 - FLOOR)
    logits = np.log(probabilities)
    if probabilities.shape[1] == 1:
        logits = logits - np.log1p(-probabilities)
    return logits.astype(np.float32)


def _checked(predictions: Any, shape: tuple[int, int], teacher: str, remedy: str) -> np.ndarray:
    other = remedy or "use other settings or another teacher"
    calibrate = remedy or "calibrate it (--teacher-calibrate sigmoid) or use another teacher"
    try:
        probabilities = np.asarray(predictions, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PluginError(
            f"The teacher '{teacher}' answered with something other than numbers: {error}; {other}."
        ) from error
    if probabilities.shape != shape:
        raise PluginError(
            f"The teacher '{teacher}' answered with shape {probabilities.shape} where {shape} was "
            f"expected, one row per example and one column per class; {other}."
        )
    bad = np.flatnonzero(~np.isfinite(probabilities).all(axis=1))
    if len(bad):
        raise PluginError(
            f"The teacher '{teacher}' answered NaN or infinity for {len(bad)} of {shape[0]} rows, "
            f"first for row {bad[0]} (counted from 0); {other}."
        )
    bad = np.flatnonzero((probabilities < -SUM_TOLERANCE).any(axis=1))
    if len(bad):
        raise PluginError(
            f"The teacher '{teacher}' answered a negative probability, "
            f"{probabilities[bad[0]].min():.4g}, for row {bad[0]} (counted from 0); {calibrate}."
        )
    sums = probabilities.sum(axis=1)
    bad = np.flatnonzero(np.abs(sums - 1) > SUM_TOLERANCE)
    if len(bad):
        raise PluginError(
            f"The teacher '{teacher}' answered probabilities that sum to {sums[bad[0]]:.4g} "
            f"instead of 1 for row {bad[0]} (counted from 0); {calibrate}."
        )
    return probabilities
