"""Fitting a classifier on rows that train, and asking it."""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfloss.data import Columns
from tfloss.errors import DataError, PluginError, TflossError, UsageError, listed, message_of
from tfloss.teachers.fitting.batched import OnRows, Predictions, in_chunks
from tfloss.teachers.fitting.estimator_check import check_estimator
from tfloss.teachers.fitting.probabilities import aligned
from tfloss.teachers.fitting.weights import fit_weighted
from tfloss.teachers.views import View

# What an estimator's own code may do; an estimator that calls sys.exit() must not end the program.
FAILURES = (Exception, SystemExit)


@dataclass(frozen=True, eq=False)
class FittedClassifier:
    """A fitted classifier, and which declared class each of its columns stands for.

    Attributes:
        estimator: with `predict_proba`; without it, its classes count as nearly certain.
        columns: (k,) int64 positions of classes.
        classes: the number of declared classes.
        name: the teacher's name, for messages.
        notes: what was done to it and what it warned of, a sentence each.
        view: how it sees rows; None: as they are given.
    """

    estimator: Any
    columns: np.ndarray
    classes: int
    name: str
    notes: tuple[str, ...] = ()
    view: View | None = None

    @property
    def identity(self) -> Any:
        """All that its predictions depend on besides the rows."""
        return (
            "classifier",
            self.estimator,
            self.columns,
            self.classes,
            None if self.view is None else self.view.identity,
        )

    def rows(self, part: Columns) -> np.ndarray:
        """The rows of a part as `predict` takes them."""
        return part.inputs if self.view is None else self.view.rows(part)

    def predict(
        self, inputs: np.ndarray, *, n_jobs: int | None = None, on_progress: OnRows | None = None
    ) -> Predictions:
        """Probabilities of all declared classes under the name '', (n, classes) float32.

        Raises:
            PluginError: the estimator failed, or answered with something other than probabilities.
        """
        if not inputs.shape[0]:
            return {"": np.empty((0, self.classes), dtype=np.float32)}
        return in_chunks(self._piece, inputs, n_jobs=n_jobs, on_progress=on_progress)

    def _piece(self, inputs: np.ndarray) -> Predictions:
        inputs = inputs if self.view is None else self.view.show(inputs)
        try:
            if hasattr(self.estimator, "predict_proba"):
                predictions = self.estimator.predict_proba(inputs)
            else:
                found = np.asarray(self.estimator.predict(inputs))
                predictions = found[:, None] == np.asarray(self.estimator.classes_)
        except FAILURES as error:
            raise failed(self.name, f"in predict on {inputs.shape[0]} rows", error) from error
        return {"": aligned(predictions, self.columns, inputs.shape[0], self.classes, self.name)}


def fit_classifier(
    estimator: Any,
    inputs: Any,
    codes: np.ndarray,
    *,
    classes: int,
    name: str = "teacher",
    calibrate: str = "auto",
    weight: np.ndarray | None = None,
    warn: bool = True,
    view: View | None = None,
) -> FittedClassifier:
    """Fit a copy of `estimator`; the given object stays as it is.

    Args:
        estimator: anything with `fit` and `predict_proba`; without the latter it is calibrated.
        inputs: (n, d) rows that have a label.
        codes: (n,) positions of their classes.
        classes: the number of declared classes; some may not occur in `codes`.
        name: the teacher's name, for messages.
        calibrate: see `Options`.
        weight: (n,) sample weights, for an estimator that takes them.
        warn: see `call_fit`.
        view: which made the inputs, and will make those that it predicts.

    Raises:
        DataError: the rows cannot teach anything: one class, or too few to calibrate on.
        UsageError: the estimator is not suitable, or refuses a setting.
        PluginError: the estimator failed.
    """
    seen, local = seen_codes(codes, name)
    estimator, notes = check_estimator(copied(estimator, name), local, name, calibrate)
    # Codes without gaps, because some libraries (XGBoost) accept no others.
    if isinstance(inputs, np.ndarray):
        inputs = np.asarray(inputs, dtype=np.float64)
    warned = call_fit(estimator, inputs, local, name, weight, warn)
    if calibrate != "none" and not hasattr(estimator, "predict_proba"):
        raise UsageError(
            f"The teacher '{name}' ({type(estimator).__name__}) has no probabilities once fitted; "
            f"change its final estimator, or take its bare classes with calibrate=none."
        )
    return FittedClassifier(
        estimator,
        seen[_classes_of(estimator, len(seen), name)],
        classes,
        name,
        notes + warned,
        view,
    )


def _classes_of(estimator: Any, count: int, name: str) -> np.ndarray:
    """(k,) which of the classes 0 … count-1 each column stands for: in order, unless it says."""
    own = np.asarray(getattr(estimator, "classes_", np.arange(count)))
    if own.ndim != 1 or not set(own.tolist()) <= set(range(count)):
        raise PluginError(
            f"The teacher '{name}' ({type(estimator).__name__}) was fitted on the classes 0 to "
            f"{count - 1}, but says that it knows {listed(map(str, np.ravel(own)))}; its fit must "
            f"keep the classes that it is given in classes_."
        )
    return own.astype(np.int64)


def seen_codes(codes: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The classes that occur, and each row's position among them."""
    seen, local = np.unique(codes, return_inverse=True)
    if len(seen) < 2:
        raise DataError(
            f"The teacher '{name}' would be fitted on rows of one class only; give it training "
            f"rows of two classes or more."
        )
    return seen, local


def copied(estimator: Any, name: str) -> Any:
    """An unfitted copy: scikit-learn's clone, or a deep copy of what is not scikit-learn's."""
    from copy import deepcopy

    from sklearn.base import clone

    if not hasattr(estimator, "fit"):
        raise UsageError(
            f"The teacher '{name}' is of type {type(estimator).__name__}, without a method 'fit'; "
            f"a teacher has 'fit' and 'predict_proba'."
        )
    try:
        return clone(estimator) if hasattr(estimator, "get_params") else deepcopy(estimator)
    except FAILURES as error:
        raise UsageError(
            f"The teacher '{name}' ({type(estimator).__name__}) cannot be copied before it is "
            f"fitted: {reason(error)}; its constructor must only keep what it is given."
        ) from error


def call_fit(
    estimator: Any,
    inputs: Any,
    target: np.ndarray,
    name: str,
    weight: np.ndarray | None = None,
    warn: bool = True,
) -> tuple[str, ...]:
    """Fit, and return what was warned of, each warning once.

    Without `warn` the process's filters of warnings are left alone, as threads must.

    Raises:
        UsageError: the estimator says that one of its settings is wrong.
        PluginError: it failed for another reason.
    """
    try:
        with warnings.catch_warnings(record=True) if warn else nullcontext([]) as caught:
            if warn:
                warnings.simplefilter("always")
            notes = fit_weighted(estimator, inputs, target, weight)
    except TflossError:
        raise
    except FAILURES as error:
        # scikit-learn's own class for this is private, so it is known by its name.
        if type(error).__name__ == "InvalidParameterError":
            raise UsageError(
                f"The teacher '{name}' refuses a setting: {first_line(error)}"
            ) from error
        raise failed(name, f"in fit on {inputs.shape[0]} rows", error) from error
    said = dict.fromkeys(f"{w.category.__name__}: {first_line(w.message)}" for w in caught or ())
    return (*notes, *said)


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


def failed(name: str, when: str, error: BaseException) -> PluginError:
    """The sentence about an estimator that raised, or would have ended the program."""
    return PluginError(
        f"The teacher '{name}' failed {when}: {type(error).__name__}: {reason(error)}; use other "
        f"settings, or another teacher."
    )


def reason(error: BaseException) -> str:
    """An error's first line, to stand inside a sentence."""
    return first_line(error).rstrip(".;")


def first_line(error: object) -> str:
    """The first line of a message."""
    return message_of(error).strip().partition("\n")[0] or "no message"
