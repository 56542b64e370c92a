"""A fitted estimator's predictions as a formula's columns, against scikit-learn's own."""

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier

from tfloss.data import rows_at_once
from tfloss.errors import DataError, PluginError, UsageError
from tfloss.teachers import predict_columns
from tfloss.teachers.predict_columns import named_parts, tells_deviation

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 4))
EVERY = ("t", "t.logits", "t.std")


def columns(estimator, width, classification=True, names=EVERY):
    return predict_columns(
        "t", estimator, X, width=width, names=names, classification=classification
    )


def test_two_classes_are_one_column():
    model = LogisticRegression().fit(X, X[:, 0] > 0)
    found = columns(model, 1)
    assert {name: values.dtype for name, values in found.items()} == dict.fromkeys(
        ("t", "t.logits"), np.float32
    )
    np.testing.assert_allclose(found["t"], model.predict_proba(X)[:, 1:], atol=1e-6)
    np.testing.assert_allclose(found["t.logits"][:, 0], model.decision_function(X), atol=1e-4)


def test_a_class_that_it_does_not_know_gets_the_floor():
    model = LogisticRegression().fit(X, np.where(X[:, 0] > 0, 2, 0))
    found = columns(model, 3, names=("t",))
    assert list(found) == ["t"]
    np.testing.assert_allclose(found["t"][:, [0, 2]], model.predict_proba(X), atol=1e-6)
    np.testing.assert_allclose(found["t"][:, 1], 1e-7, rtol=1e-3)


def test_regression():
    model = GaussianProcessRegressor().fit(X, X[:, 0])
    mean, deviation = model.predict(X[:, :], return_std=True)
    found = columns(model, 1, classification=False)
    np.testing.assert_allclose(found["t"][:, 0], mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["t.std"][:, 0], deviation, rtol=1e-5, atol=1e-6)
    assert list(columns(model, 1, False, names=("t",))) == ["t"]
    assert tells_deviation(model)
    assert not tells_deviation(LinearRegression())


def test_several_quantities():
    model = LinearRegression().fit(X, X[:, :3])
    np.testing.assert_allclose(columns(model, 3, False)["t"], X[:, :3], atol=1e-5)
    with pytest.raises(PluginError, match=r"shape \(60, 3\) where \(60, 2\) was expected"):
        columns(model, 2, False)


def test_what_does_not_fit():
    three = LogisticRegression().fit(X, X[:, 0].round().clip(-1, 1) + 1)
    with pytest.raises(DataError, match="answers with 3 columns, but the model has 1 outputs"):
        columns(three, 1)
    with pytest.raises(UsageError, match="has no probabilities; fit it inside Calib"):
        columns(RidgeClassifier().fit(X, X[:, 0] > 0), 1)


def test_parts():
    assert named_parts("t", {"t", "t.logits", "t.a.b", "tt.x", "u.t.x"}) == {"logits", "a.b"}


@pytest.mark.parametrize(("values", "rows"), [(1, 8192), (30, 8192), (2**14, 1024), (2**25, 1)])
def test_rows_at_once(values, rows):
    assert rows_at_once(values) == rows
