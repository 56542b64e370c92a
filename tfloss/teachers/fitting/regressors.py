"""Fitting a regressor, and asking it for its prediction and, where it has one, its deviation."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfloss.data import Columns
from tfloss.errors import PluginError
from tfloss.teachers.fitting.batched import OnRows, Predictions, in_chunks
from tfloss.teachers.fitting.classifiers import FAILURES, call_fit, copied, failed, reason
from tfloss.teachers.fitting.estimator_check import check_regressor
from tfloss.teachers.views import View


@dataclass(frozen=True, eq=False)
class FittedRegressor:
    """A fitted regressor.

    Attributes:
        estimator: with `predict`.
        name: the teacher's name, for messages.
        notes: what it warned of, a sentence each.
        view: how it sees rows; None: as they are given.
        width: how many quantities it predicts.
        deviation: whether its standard deviation is wanted, where it tells one.
    """

    estimator: Any
    name: str
    notes: tuple[str, ...] = ()
    view: View | None = None
    width: int = 1
    deviation: bool = True

    @property
    def identity(self) -> Any:
        """All that its predictions depend on besides the rows."""
        return "regressor", self.estimator, None if self.view is None else self.view.identity

    @property
    def has_deviation(self) -> bool:
        """Whether `predict` also gives the standard deviation of its prediction."""
        known = inspect.signature(self.estimator.predict).parameters
        return self.deviation and "return_std" in known

    def rows(self, part: Columns) -> np.ndarray:
        """The rows of a part as `predict` takes them."""
        return part.inputs if self.view is None else self.view.rows(part)

    def predict(
        self, inputs: np.ndarray, *, n_jobs: int | None = None, on_progress: OnRows | None = None
    ) -> Predictions:
        """The prediction as '', and its standard deviation as 'std'; (n, width) float32 each.

        Raises:
            PluginError: the estimator failed, or answered with something other than numbers.
        """
        if not inputs.shape[0]:
            names = ("", "std") if self.has_deviation else ("",)
            return {name: np.empty((0, self.width), dtype=np.float32) for name in names}
        return in_chunks(self._piece, inputs, n_jobs=n_jobs, on_progress=on_progress)

    def _piece(self, inputs: np.ndarray) -> Predictions:
        inputs = inputs if self.view is None else self.view.show(inputs)
        try:
            if self.has_deviation:
                mean, deviation = self.estimator.predict(inputs, return_std=True)
                predictions = {"": mean, "std": deviation}
            else:
                predictions = {"": self.estimator.predict(inputs)}
        except FAILURES as error:
            raise failed(self.name, f"in predict on {inputs.shape[0]} rows", error) from error
        return {
            key: _columns(value, (inputs.shape[0], self.width), self.name)
            for key, value in predictions.items()
        }


def fit_regressor(
    estimator: Any,
    inputs: Any,
    target: np.ndarray,
    *,
    name: str = "teacher",
    weight: np.ndarray | None = None,
    warn: bool = True,
    view: View | None = None,
) -> FittedRegressor:
    """Fit a copy of `estimator` on (n, d) inputs, an (n,) or (n, k) target and (n,) sample weights.

    `warn`: see `call_fit`.

    Raises:
        UsageError: it is a classifier or for several targets, or refuses a setting.
        PluginError: it failed.
    """
    width = 1 if target.ndim == 1 else target.shape[1]
    estimator = copied(estimator, name)
    check_regressor(estimator, name, width)
    if isinstance(inputs, np.ndarray):
        inputs = np.asarray(inputs, dtype=np.float64)
    warned = call_fit(estimator, inputs, np.asarray(target, dtype=np.float64), name, weight, warn)
    return FittedRegressor(estimator, name, warned, view, width)


def _columns(values: Any, shape: tuple[int, int], name: str) -> np.ndarray:
    rows, width = shape
    try:
        columns = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PluginError(
            f"The teacher '{name}' answered with something other than numbers: {reason(error)}; "
            f"use another teacher."
        ) from error
    if columns.shape != shape and (width != 1 or columns.shape != (rows,)):
        expected = f"({rows},)" if width == 1 else f"{shape}"
        quantities = "one quantity" if width == 1 else f"{width} quantities"
        raise PluginError(
            f"The teacher '{name}' answered with shape {columns.shape} where {expected} was "
            f"expected; use a regressor of {quantities}."
        )
    columns = columns.reshape(shape)
    bad = np.flatnonzero(~np.isfinite(columns).all(axis=1))
    if len(bad):
        raise PluginError(
            f"The teacher '{name}' answered NaN or infinity for {len(bad)} of {rows} rows, first "
            f"for row {bad[0]} (counted from 0); use other settings or another teacher."
        )
    return columns
