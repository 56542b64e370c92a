"""Several targets and several labels in the estimators, as scikit-learn's networks have them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import scipy.sparse
from sklearn.datasets import make_multilabel_classification, make_regression
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPClassifier

from tfloss.errors import UsageError
from tfloss.sklearn import DistilledClassifier, DistilledRegressor

FAST = {"epochs": 30, "optimizer": "adam:learning_rate=0.02", "random_state": 0}


def test_a_regressor_of_several_quantities():
    features, target = make_regression(150, 5, n_targets=3, random_state=0)
    model = DistilledRegressor(teacher=Ridge(), hidden=(20,), **FAST).fit(features, target)
    assert model.predict(features).shape == target.shape
    assert model.score(features, target) > 0.8
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(features), model.predict(features))
    target[4, 1] = np.nan
    with pytest.raises(ValueError, match="missing in row 4"):
        model.fit(features, target)


def test_a_classifier_of_several_labels():
    features, labels = make_multilabel_classification(
        200, 10, n_classes=4, allow_unlabeled=False, random_state=0
    )
    peer = MLPClassifier((10, 10), max_iter=30, learning_rate_init=0.02, random_state=0)
    peer.fit(features, labels)
    model = DistilledClassifier(**FAST).fit(features, labels)
    assert model.formula_ == "bce"
    for method in ("predict", "predict_proba"):
        own, other = getattr(model, method)(features), getattr(peer, method)(features)
        assert own.shape == other.shape
        assert own.dtype.kind == other.dtype.kind
    assert model.score(features, labels) > peer.score(features, labels) - 0.1
    sparse = DistilledClassifier(**FAST).fit(features, scipy.sparse.csr_matrix(labels))
    np.testing.assert_allclose(sparse.predict_proba(features), model.predict_proba(features))
    assert model.fit(features, labels[:, 0]).predict_proba(features).shape == (200, 2)


def test_what_several_labels_cannot_have():
    features, labels = make_multilabel_classification(50, 4, n_classes=3, random_state=0)
    with pytest.raises(ValueError, match="is not of labels of 0 and 1"):
        DistilledClassifier(**FAST).fit(features, labels * 2 + labels[:, :1])
    with pytest.raises(ValueError, match="class_weight"):
        DistilledClassifier(class_weight="balanced", **FAST).fit(features, labels)
    with pytest.raises(UsageError, match="need a loss of labels and logits"):
        DistilledClassifier("mse", **{**FAST, "epochs": 1}).fit(features, labels)
