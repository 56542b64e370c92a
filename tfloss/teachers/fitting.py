"""Fitting a teacher, on rows that train and on nothing else."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfloss.errors import DataError, PluginError, TflossError, UsageError
from tfloss.teachers.probabilities import aligned

_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted classifier, and which declared class each of its columns stands for.

    Attributes:
        estimator: with `predict_proba`.
        columns: (k,) int64 positions of classes.
        classes: the number of declared classes.
        name: the teacher's name, for messages.
        notes: what was done to it and what it warned of, a sentence each.
    """

    estimator: Any
    columns: np.ndarray
    classes: int
    name: str
    notes: tuple[str, ...] = ()


def fit_teacher(
    estimator: Any, inputs: np.ndarray, codes: np.ndarray, *, classes: int, name: str = "teacher"
) -> Fitted:
    """Fit a copy of `estimator`; the given object stays as it is.

    Args:
        estimator: anything with `fit` and `predict_proba`; without the latter it is calibrated.
        inputs: (n, d) rows that have a label.
        codes: (n,) positions of their classes.
        classes: the number of declared classes; some may not occur in `codes`.
        name: the teacher's name, for messages.

    Raises:
        DataError: the rows cannot teach anything: one class, or too few to calibrate on.
        UsageError: the estimator refuses a setting.
        PluginError: the estimator failed.
    """
    seen, local = np.unique(codes, return_inverse=True)
    if len(seen) < 2:
        raise DataError(
            f"The teacher '{name}' would be fitted on rows of one class only; give it "
            f"training rows of two classes or more."
        )
    estimator, notes = with_probabilities(copied(estimator, name), local, name)
    # Codes without gaps, because some libraries (XGBoost) accept no others.
    warned = call_fit(estimator, inputs, local, name)
    return Fitted(estimator, _columns(estimator, seen), classes, name, notes + warned)


def ask(fitted: Fitted, inputs: np.ndarray) -> np.ndarray:
    """The probabilities of all declared classes, (n, classes) float64, off exact 0 and 1.

    Raises:
        PluginError: the estimator failed, or answered with something other than probabilities.
    """
    if not len(inputs):
        return np.empty((0, fitted.classes))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answers = fitted.estimator.predict_proba(np.asarray(inputs, dtype=np.float64))
    except Exception as error:
        raise PluginError(
            f"The teacher '{fitted.name}' failed when asked about {len(inputs)} rows: "
            f"{type(error).__name__}: {first_line(error)}"
        ) from error
    return aligned(answers, fitted.columns, len(inputs), fitted.classes, fitted.name)


def copied(estimator: Any, name: str) -> Any:
    """An unfitted copy: scikit-learn's clone, or a deep copy of what is not scikit-learn's."""
    from copy import deepcopy

    from sklearn.base import clone

    if not hasattr(estimator, "fit"):
        raise UsageError(
            f"The teacher '{name}' is a {type(estimator).__name__} without a method 'fit'; "
            f"a teacher has 'fit' and 'predict_proba'."
        )
    return clone(estimator) if hasattr(estimator, "get_params") else deepcopy(estimator)


def with_probabilities(estimator: Any, codes: np.ndarray, name: str) -> tuple[Any, tuple[str, ...]]:
    """The estimator itself, or calibrated by cross-validation when it has no probabilities."""
    if hasattr(estimator, "predict_proba"):
        return estimator, ()
    kind = type(estimator).__name__
    if not hasattr(estimator, "decision_function"):
        raise UsageError(
            f"The teacher '{name}' ({kind}) has neither probabilities nor a decision function to "
            f"calibrate; use another one."
        )
    rarest = int(np.bincount(codes).min())
    if rarest < 2:
        raise DataError(
            f"The teacher '{name}' ({kind}) has no probabilities, and calibrating it needs 2 rows "
            f"of every class; train on more rows, or use another teacher."
        )
    from sklearn.calibration import CalibratedClassifierCV

    folds = min(_FOLDS, rarest)
    note = f"{kind} has no probabilities: calibrated (sigmoid) by {folds}-fold cross-validation."
    return CalibratedClassifierCV(estimator, cv=folds, method="sigmoid"), (note,)


def call_fit(estimator: Any, inputs: np.ndarray, target: np.ndarray, name: str) -> tuple[str, ...]:
    """Fit, and return what was warned of, each warning once.

    Raises:
        UsageError: the estimator says that one of its settings is wrong.
        PluginError: it failed for another reason.
    """
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            estimator.fit(np.asarray(inputs, dtype=np.float64), target)
    except TflossError:
        raise
    except Exception as error:
        # scikit-learn's own class for this is private, so it is known by its name.
        if type(error).__name__ == "InvalidParameterError":
            raise UsageError(
                f"The teacher '{name}' refuses a setting: {first_line(error)}"
            ) from error
        raise PluginError(
            f"The teacher '{name}' failed in fit on {len(inputs)} rows: {type(error).__name__}: "
            f"{first_line(error)}"
        ) from error
    return tuple(dict.fromkeys(f"{w.category.__name__}: {first_line(w.message)}" for w in caught))


def seeded(estimator: Any, seed: int, keep: frozenset[str] = frozenset()) -> Any:
    """Set every `random_state` that is None, also of inner estimators; except those in `keep`."""
    if not hasattr(estimator, "get_params"):
        return estimator
    states = {
        key: seed
        for key, value in estimator.get_params().items()
        if key.rpartition("__")[2] == "random_state" and value is None and key not in keep
    }
    return estimator.set_params(**states) if states else estimator


def first_line(error: object) -> str:
    """The first line of a message."""
    return str(error).strip().partition("\n")[0] or "no message"


def _columns(estimator: Any, seen: np.ndarray) -> np.ndarray:
    """The declared class of each column; classes in order where the estimator does not say."""
    return seen[np.asarray(getattr(estimator, "classes_", np.arange(len(seen))))]
