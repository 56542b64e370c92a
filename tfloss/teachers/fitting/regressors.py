"""Fitting a regressor, and asking it for its prediction and, where it has one, its deviation."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfloss.data import Scaler
from tfloss.errors import PluginError
from tfloss.teachers.fitting.batched import Predictions, Watch, in_chunks
from tfloss.teachers.fitting.classifiers import FAILURES, call_fit, copied, failed, reason
from tfloss.teachers.fitting.estimator_check import check_regressor


@dataclass(frozen=True, eq=False)
class FittedRegressor:
    """A fitted regressor.

    Attributes:
        estimator: with `predict`.
        name: the teacher's name, for messages.
        notes: what it warned of, a sentence each.
        unscale: undoes the scaling of the inputs, for an estimator that knows them unscaled.
    """

    estimator: Any
    name: str
    notes: tuple[str, ...] = ()
    unscale: Scaler | None = None

    @property
    def identity(self) -> Any:
        """All that its predictions depend on besides the rows."""
        return "regressor", self.estimator, self.unscale

    @property
    def has_deviation(self) -> bool:
        """Whether `predict` also gives the standard deviation of its prediction."""
        return "return_std" in inspect.signature(self.estimator.predict).parameters

    def predict(
        self, inputs: np.ndarray, *, n_jobs: int | None = None, watch: Watch | None = None
    ) -> Predictions:
        """The prediction as '', and its standard deviation as 'std'; (n, 1) float32 each.

        Raises:
            PluginError: the estimator failed, or answered with something other than numbers.
        """
        if not len(inputs):
            names = ("", "std") if self.has_deviation else ("",)
            return {name: np.empty((0, 1), dtype=np.float32) for name in names}
        return in_chunks(self._piece, inputs, n_jobs=n_jobs, watch=watch)

    def _piece(self, inputs: np.ndarray) -> Predictions:
        inputs = inputs if self.unscale is None else self.unscale.restore(inputs)
        try:
            if self.has_deviation:
                mean, deviation = self.estimator.predict(inputs, return_std=True)
                predictions = {"": mean, "std": deviation}
            else:
                predictions = {"": self.estimator.predict(inputs)}
        except FAILURES as error:
            raise failed(self.name, f"when asked about {len(inputs)} rows", error) from error
        return {key: _column(value, len(inputs), self.name) for key, value in predictions.items()}


def fit_regressor(
    estimator: Any,
    inputs: np.ndarray,
    target: np.ndarray,
    *,
    name: str = "teacher",
    weight: np.ndarray | None = None,
    warn: bool = True,
) -> FittedRegressor:
    """Fit a copy of `estimator` on (n, d) inputs, an (n,) target and (n,) sample weights.

    `warn`: see `call_fit`.

    Raises:
        UsageError: it is a classifier or for several targets, or refuses a setting.
        PluginError: it failed.
    """
    estimator = copied(estimator, name)
    check_regressor(estimator, name)
    warned = call_fit(estimator, inputs, np.asarray(target, dtype=np.float64), name, weight, warn)
    return FittedRegressor(estimator, name, warned)


def _column(values: Any, rows: int, name: str) -> np.ndarray:
    try:
        column = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PluginError(
            f"The teacher '{name}' answered with something other than numbers: {reason(error)}; "
            f"use another teacher."
        ) from error
    if column.shape not in ((rows,), (rows, 1)):
        raise PluginError(
            f"The teacher '{name}' answered with shape {column.shape} where ({rows},) was "
            f"expected; use a regressor of one quantity."
        )
    bad = np.flatnonzero(~np.isfinite(column.reshape(rows)))
    if len(bad):
        raise PluginError(
            f"The teacher '{name}' answered NaN or infinity for {len(bad)} of {rows} rows, first "
            f"for row {bad[0]} (counted from 0); use other settings or another teacher."
        )
    return column.reshape(rows, 1)
