"""Sample weights for an estimator that takes them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

_ABOUT_WEIGHTS = re.compile(r"sample.?weight", re.IGNORECASE)


def fit_weighted(
    estimator: Any, inputs: np.ndarray, target: np.ndarray, weight: np.ndarray | None
) -> tuple[str, ...]:
    """Fit with weights where the estimator takes them, else without; a sentence says so.

    Args:
        estimator: fitted in place.
        inputs: (n, d).
        target: (n,).
        weight: (n,), or None where the data have none.
    """
    parameter = None if weight is None else weight_parameter(estimator)
    if parameter is not None:
        try:
            estimator.fit(inputs, target, **{parameter: np.asarray(weight, dtype=np.float64)})
            return ()
        except (TypeError, ValueError, NotImplementedError) as error:
            # An estimator of estimators can only tell when it hands the weights on.
            if not _ABOUT_WEIGHTS.search(str(error)):
                raise
    estimator.fit(inputs, target)
    if weight is None:
        return ()
    return (f"{type(estimator).__name__} takes no sample weights: fitted without them.",)


def weight_parameter(estimator: Any) -> str | None:
    """What `fit` calls the sample weights; in a pipeline those of the last step; None: nothing."""
    from sklearn.pipeline import Pipeline
    from sklearn.utils.validation import has_fit_parameter

    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        inner = weight_parameter(last)
        return None if inner is None else f"{name}__{inner}"
    return "sample_weight" if has_fit_parameter(estimator, "sample_weight") else None
