"""A teacher's predictions as the columns that a formula names: `alias`, `alias.logits`, …"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from tfloss.errors import DataError, UsageError
from tfloss.teachers.fitting.batched import Predictions
from tfloss.teachers.fitting.classifiers import FittedClassifier
from tfloss.teachers.fitting.probabilities import as_column, log_odds
from tfloss.teachers.fitting.regressors import FittedRegressor


def named_parts(alias: str, names: Collection[str]) -> frozenset[str]:
    """What `alias.PART` among these names asks a teacher for: 'logits', 'std', a layer."""
    start = f"{alias}."
    return frozenset(name.removeprefix(start) for name in names if name.startswith(start))


def tells_deviation(estimator: Any) -> bool:
    """Whether a fitted regressor also predicts its standard deviation: `alias.std`."""
    return hasattr(estimator, "predict") and FittedRegressor(estimator, "").has_deviation


def columns_of(alias: str, predictions: Predictions, *, classes: int | None) -> Predictions:
    """Predictions by the names of their tensors, float32.

    Of two classes the probability of the second is the column. For classes `alias.logits` is among
    them: a network's own, else the log-odds (one column) or logarithms (several).

    Args:
        alias: the teacher's name in a formula.
        predictions: '' is the prediction itself, (n, classes) or one column; 'std', layers, ….
        classes: their number; None for regression.
    """
    columns = {
        key: as_column(values) if classes is not None and key == "" else values.astype(np.float32)
        for key, values in predictions.items()
    }
    if classes is not None and "logits" not in columns:
        columns["logits"] = log_odds(columns[""])
    return {f"{alias}.{key}" if key else alias: values for key, values in columns.items()}


def predict_columns(
    alias: str,
    estimator: Any,
    rows: np.ndarray,
    *,
    width: int,
    names: Collection[str],
    classification: bool,
) -> Predictions:
    """The columns of a fitted estimator about rows, as wide as a model's output.

    Args:
        alias: its name in the formula.
        estimator: fitted, of scikit-learn's kind; asked in chunks.
        rows: (n, d).
        width: the model's outputs; 1 for two classes.
        names: what the formula uses; other columns are left out.
        classification: whether it predicts probabilities.

    Returns:
        float32 by name: `alias` (n, width), for classes `alias.logits`, else `alias.std` where it
        tells its deviation.

    Raises:
        UsageError: it has no probabilities.
        DataError: another number of classes than the model's.
        PluginError: it failed, or answered with something other than it should, for example
            another number of quantities.
    """
    if not classification:
        deviation = f"{alias}.std" in names
        regressor = FittedRegressor(estimator, alias, width=width, deviation=deviation)
        columns = columns_of(alias, regressor.predict(rows), classes=None)
        return {name: values for name, values in columns.items() if name in names}
    if not hasattr(estimator, "predict_proba"):
        raise UsageError(
            f"The teacher '{alias}' ({type(estimator).__name__}) has no probabilities; fit it "
            f"inside CalibratedClassifierCV."
        )
    positions, classes = _positions(estimator, rows, max(width, 2))
    predictions = FittedClassifier(estimator, positions, classes, alias).predict(rows)
    columns = columns_of(alias, predictions, classes=classes)
    if columns[alias].shape[-1] != width:
        raise DataError(
            f"The teacher '{alias}' answers with {columns[alias].shape[-1]} columns, but the model "
            f"has {width} outputs."
        )
    return {name: values for name, values in columns.items() if name in names}


def _positions(estimator: Any, rows: np.ndarray, classes: int) -> tuple[np.ndarray, int]:
    """Which of the model's classes an estimator's columns are about, and how many there are.

    By order; one that was fitted on fewer class numbers says which ones it knows.
    """
    numbers = np.asarray(getattr(estimator, "classes_", ()))
    known = len(numbers) if numbers.ndim == 1 and len(numbers) else 0
    if not known:
        known = np.shape(estimator.predict_proba(rows[:1]))[-1]
    if known < classes and numbers.dtype.kind in "iuf" and numbers.shape == (known,):
        whole = numbers.astype(np.int64)
        if bool(np.all((whole == numbers) & (whole >= 0) & (whole < classes))):
            return whole, classes
    return np.arange(known), known
