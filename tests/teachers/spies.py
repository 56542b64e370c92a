"""Estimators that remember what they saw, or misbehave."""

from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression


class Spy(LogisticRegression):
    """Remembers, over all its copies, the rows that it was fitted on and asked about."""

    fitted_on: ClassVar[list] = []
    asked_about: ClassVar[list] = []

    @classmethod
    def forget(cls):
        cls.fitted_on, cls.asked_about = [], []

    def fit(self, X, y, sample_weight=None):
        type(self).fitted_on.append((X.copy(), y.copy()))
        return super().fit(X, y)

    def predict_proba(self, X):
        type(self).asked_about.append(X.copy())
        return super().predict_proba(X)


class Answers(ClassifierMixin, BaseEstimator):
    """Predictions with what `answer(rows)` returns."""

    def __init__(self, answer=None):
        self.answer = answer

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return self.answer(len(X))


class Plain:
    """No scikit-learn at all: only `fit` and `predict_proba`."""

    def fit(self, X, y):
        self.shares = np.bincount(y) / len(y)

    def predict_proba(self, X):
        return np.tile(self.shares, (len(X), 1))
