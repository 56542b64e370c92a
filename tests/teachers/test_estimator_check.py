"""The edges at which an estimator can just teach, or just not."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.svm import LinearSVC

from tfloss.errors import DataError, UsageError
from tfloss.teachers.fitting.cross_fit import make_folds
from tfloss.teachers.fitting.estimator_check import check_estimator


class Binary(ClassifierMixin, BaseEstimator):
    """Says of itself that it knows two classes only."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.full((len(X), 2), 0.5)


def test_exactly_two_classes_are_enough_for_one_that_knows_two():
    estimator = Binary()
    assert check_estimator(estimator, np.array([0, 1, 1]), "t") == (estimator, ())
    with pytest.raises(UsageError, match="knows two classes only, and the training rows have 3"):
        check_estimator(estimator, np.array([0, 1, 2]), "t")


@pytest.mark.parametrize(("rarest", "folds"), [(2, 2), (4, 4), (5, 5), (9, 5)])
def test_exactly_two_rows_of_the_rarest_class_can_be_calibrated(rarest, folds):
    codes = np.repeat([0, 1], [10, rarest])
    estimator, notes = check_estimator(LinearSVC(), codes, "t")
    assert isinstance(estimator, CalibratedClassifierCV)
    assert notes == (
        f"LinearSVC has no probabilities: calibrated (sigmoid) by {folds}-fold cross-validation.",
    )
    estimator.fit(np.c_[codes, np.arange(len(codes))].astype(float), codes)  # scikit-learn agrees
    assert len(estimator.calibrated_classifiers_) == folds


def test_one_row_of_the_rarest_class_cannot():
    with pytest.raises(DataError, match="has no probabilities, and calibrating it needs 2 rows"):
        check_estimator(LinearSVC(), np.array([0, 0, 0, 1]), "t")


def test_exactly_two_rows_of_the_rarest_class_make_two_folds():
    codes = np.array([0, 0, 0, 1, 1])
    folds = make_folds(np.arange(5), codes, 0, "t")
    assert sorted(np.concatenate([left_out for _, left_out in folds])) == [0, 1, 2, 3, 4]
    assert [sorted(codes[left_out])[-1] for _, left_out in folds] == [1, 1]


def test_exactly_two_rows_of_a_quantity_make_two_folds():
    assert len(make_folds(np.arange(2), None, 0, "t")) == 2
    with pytest.raises(DataError, match="has 1 rows, too few"):
        make_folds(np.zeros(3, int), None, 0, "t")
