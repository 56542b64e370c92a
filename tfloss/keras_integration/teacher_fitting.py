"""Teachers that `fit` of an attached model fits before it trains: out of fold, as `tfloss.fit`.

The arrays of `fit` become the `PreparedData` that `fit_teachers` takes, and from there on there is
one way: folds, calibration, the cache and every check are that function's.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tfloss.data import Classes, Columns, PreparedData
from tfloss.errors import DataError, UsageError
from tfloss.io.checked_npz import digest_of
from tfloss.registry import Registry
from tfloss.student.keras_internals import seed_that_was_set
from tfloss.teachers import FittedTeacher, Options, fit_teachers


@dataclass(frozen=True)
class FittingOptions:
    """How teachers that are not fitted yet will be; see `tfloss.attach`."""

    fit: str = "auto"
    calibrate: str = "auto"
    cache: str | Path | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        Options(self.fit, self.calibrate)  # refuses words that are not known


@dataclass(eq=False)
class TeacherToFit:
    """A teacher that `fit` fits on its training rows.

    Attributes:
        alias: its name in the formula.
        given: what the user gave, for `fit_teachers`: a text's specification, or an estimator.
        estimator: what that stands for; not fitted, and it stays so.
        fitted: what the last `fit` made of it.
    """

    alias: str
    given: Any
    estimator: Any
    fitted: FittedTeacher | None = None

    def about(self, rows: np.ndarray) -> Any:
        """Its predictions for other rows (n, d).

        Raises:
            UsageError: no `fit` has fitted it.
        """
        if self.fitted is None:
            raise UsageError(
                f"The teacher '{self.alias}' is fitted by fit(x, y), which has not been called; "
                f"call it first, or attach a fitted estimator."
            )
        return self.fitted.fitted.predict(rows)


def as_prepared(
    train: tuple[np.ndarray, Any, Any],
    holdout: tuple[np.ndarray, Any, Any] | None,
    *,
    width: int,
    classification: bool,
    name: str,
) -> PreparedData:
    """Rows of `fit` and of its validation data, as `tfloss.load_data` would have prepared them.

    Args:
        train: features (n, d), labels as Keras' `fit` takes them, and sample weights (n,) or None.
        holdout: the same of the validation rows, whose labels may be None.
        width: the model's number of outputs; 1 for two classes.
        classification: whether labels are classes.
        name: what the rows are called in messages.

    Raises:
        DataError: labels that are no class numbers, or are missing for all training rows.
        UsageError: several quantities, or weights for each time step.
    """
    if not classification and width != 1:
        raise UsageError(
            f"A teacher that is fitted here predicts one quantity, and the model has {width} "
            f"outputs; fit it before, and attach it fitted."
        )
    count = max(width, 2)
    classes = Classes(np.arange(count), tuple(map(str, range(count)))) if classification else None
    features = train[0].shape[1]
    if holdout is None:
        holdout = (np.empty((0, features), np.float32), None, None)
    own, held_out = (_columns(side, classes) for side in (train, holdout))
    names = tuple(f"feature {place}" for place in range(1, features + 1))
    task: Any = "classification" if classification else "regression"
    return PreparedData(own, held_out, task, classes, names, None, name)


def _columns(side: tuple[np.ndarray, Any, Any], classes: Classes | None) -> Columns:
    x, y, weight = side
    y = np.full(len(x), np.nan) if y is None else np.asarray(y)
    if classes is None:
        codes = np.empty(0, np.int64)
        labels = y.astype(np.float64).reshape(len(x), 1)
        there = ~np.isnan(labels[:, 0])
    else:
        codes = _codes(y, len(classes))
        labels, there = classes.one_hot(codes), codes >= 0
    return Columns(
        {"inputs": np.asarray(x, np.float32), "labels": np.nan_to_num(labels).astype(np.float32)},
        codes=codes,
        present={} if there.all() else {"labels": there},
        sample_weight=_weights(weight, len(x)),
    )


def _codes(y: np.ndarray, classes: int) -> np.ndarray:
    """(n,) class numbers, -1 where a label is missing; of numbers, or of one-hot rows."""
    values = y.reshape(len(y), -1 if y.size else 1).astype(np.float64)
    missing = np.asarray(np.isnan(values).any(axis=1))
    known = np.where(missing[:, None], 0.0, values)
    if values.shape[1] == 1:
        numbers = known[:, 0]
        fits: np.ndarray = np.isin(numbers, np.arange(classes))
    else:
        numbers = known.argmax(axis=1)
        one_hot = np.eye(known.shape[1])[numbers]
        fits = (known == one_hot).all(axis=1) & (known.shape[1] == classes)
    bad = np.flatnonzero(~(fits | missing))
    if len(bad):
        raise DataError(
            f"A teacher is fitted on class numbers 0 … {classes - 1} or one-hot rows, and the "
            f"label in row {bad[0]} (counted from 0) is {y[bad[0]].tolist()}; attach a teacher "
            f"that has been fitted."
        )
    return np.where(missing, -1, numbers).astype(np.int64)


def _weights(weight: Any, rows: int) -> np.ndarray | None:
    if weight is None:
        return None
    weights = np.asarray(weight, np.float32)
    if weights.size != rows:
        raise UsageError(
            "A teacher is fitted with one weight per row, and these are weights for each time "
            "step; attach a teacher that has been fitted."
        )
    return weights.reshape(rows)


class TeacherFitting:
    """Fits teachers on rows, once for the same rows.

    Args:
        options: how.
        registry: whose metrics score them.
    """

    def __init__(self, options: FittingOptions, registry: Registry) -> None:
        self._options = options
        self._registry = registry
        self._digests: dict[str, str] = {}

    def fit(self, teacher: TeacherToFit, data: PreparedData) -> None:
        """Fit it, so that it has its predictions for all rows in `fitted`.

        Raises:
            UsageError, DataError, PluginError: as `tfloss.teachers.fit_teachers`.
        """
        alias, options = teacher.alias, self._options
        seed = options.seed if options.seed is not None else (seed_that_was_set() or 0)
        digest = f"{_digest(data)} {seed}"
        if teacher.fitted is not None and self._digests.get(alias) == digest:
            return
        teacher.fitted = fit_teachers(
            {alias: teacher.given},
            data,
            self._registry,
            seed=seed,
            fit=options.fit,
            calibrate=options.calibrate,
            cache=options.cache,
        )[alias]
        self._digests[alias] = digest


def _digest(data: PreparedData) -> str:
    """Of all rows."""
    arrays: dict[str, np.ndarray] = {}
    for side, part in (("train", data.train), ("holdout", data.holdout)):
        arrays |= {f"{side}:{name}": values for name, values in part.values.items()}
        arrays |= {f"{side}:{name} there": there for name, there in part.present.items()}
        if part.sample_weight is not None:
            arrays[f"{side}:weight"] = part.sample_weight
    return digest_of(arrays)


def tensors_for(
    teachers: Collection[TeacherToFit], needs: Collection[str], side: Literal["train", "holdout"]
) -> dict[str, np.ndarray]:
    """The columns of fitted teachers that a formula needs, of the training or validation rows."""
    columns: dict[str, np.ndarray] = {}
    for one in teachers:
        assert one.fitted is not None
        columns |= one.fitted.tensors(side)
    return {name: values for name, values in columns.items() if name in needs}
