"""Several classifiers as one teacher: the mean of their probabilities, or a weighted one."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import StratifiedKFold

from tfloss.teachers import fit_classifier

WEIGHTS = ("mean", "log_loss")
_FOLDS = 5
_STEPS = 500
_SETTLED = 1e-9


class EnsembleClassifier(ClassifierMixin, BaseEstimator):
    """A weighted mean of the probabilities of several classifiers.

    Args:
        estimators: (name, estimator) pairs; what has no probabilities is calibrated.
        weights: 'mean', or 'log_loss': the weights with which the mixture has the lowest log-loss
            on rows that the classifiers were not fitted on, by cross-validation inside the given.
        random_state: of the folds.
    """

    def __init__(
        self, estimators: Any = (), weights: str = "mean", random_state: int | None = None
    ) -> None:
        self.estimators = estimators
        self.weights = weights
        self.random_state = random_state

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters, and those of the estimators as `name__parameter`."""
        params = super().get_params(deep=False)
        for name, estimator in self.estimators if deep else ():
            params[name] = estimator
            params |= {f"{name}__{key}": value for key, value in estimator.get_params().items()}
        return params

    def fit(
        self, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> EnsembleClassifier:
        """Fit every estimator on all rows, after finding the weights on rows left out."""
        if self.weights not in WEIGHTS:
            raise ValueError(f"weights is '{self.weights}'; it is one of {', '.join(WEIGHTS)}.")
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.n_features_in_ = X.shape[1]
        count = len(self.estimators)
        self.weights_ = np.full(count, 1 / count)
        if self.weights == "log_loss":
            said = self._left_out(X, codes, sample_weight)
            self.weights_ = mixture_weights(said, sample_weight)
        self.fitted_ = [
            self._fit(name, part, X, codes, sample_weight) for name, part in self.estimators
        ]
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """(n, classes) float64."""
        predictions = [fitted.predict(X)[""].astype(np.float64) for fitted in self.fitted_]
        return np.tensordot(self.weights_, np.stack(predictions), axes=1)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The likeliest class of each row."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _fit(self, name: str, estimator: Any, X: np.ndarray, codes: np.ndarray, weight: Any) -> Any:
        classes = len(self.classes_)
        return fit_classifier(clone(estimator), X, codes, classes=classes, name=name, weight=weight)

    def _left_out(self, X: np.ndarray, codes: np.ndarray, weight: Any) -> np.ndarray:
        """(n, estimators): the true class's probability by a model that did not see the row."""
        rarest = int(np.min(np.bincount(codes)))
        if rarest < 2:
            raise ValueError("weights='log_loss' needs 2 rows of every class; use weights='mean'.")
        said = np.empty((len(X), len(self.estimators)))
        folds = StratifiedKFold(min(_FOLDS, rarest), shuffle=True, random_state=self.random_state)
        for train, test in folds.split(X, codes):
            for place, (name, estimator) in enumerate(self.estimators):
                own = None if weight is None else weight[train]
                predictions = self._fit(name, estimator, X[train], codes[train], own).predict(
                    X[test]
                )[""]
                said[test, place] = predictions[np.arange(len(test)), codes[test]]
        return said


def mixture_weights(said: np.ndarray, sample_weight: np.ndarray | None = None) -> np.ndarray:
    """Weights, 0 or more and summing to one, that minimise the mean of -log(said @ weights).

    The problem is convex; expectation maximisation climbs to its optimum without a step size.

    Args:
        said: (n, k) the probability that each of k models gives to what was true.
        sample_weight: (n,), for a weighted mean.
    """
    weights = np.full(said.shape[1], 1 / said.shape[1])
    for _ in range(_STEPS):
        shares = said * weights
        shares /= shares.sum(axis=1, keepdims=True)
        better = np.average(shares, axis=0, weights=sample_weight)
        if np.abs(better - weights).max() < _SETTLED:
            return better
        weights = better
    return weights
