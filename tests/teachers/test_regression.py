"""Regressors as teachers."""

import numpy as np
import pytest
from sklearn.linear_model import BayesianRidge
from sklearn.model_selection import KFold, cross_val_predict

from tfloss.data import load_dataset, prepare
from tfloss.errors import PluginError, UsageError
from tfloss.registry import load_registry
from tfloss.teachers import fit_teachers

REGISTRY = load_registry()


@pytest.fixture(scope="module")
def data():
    return prepare(load_dataset("diabetes", REGISTRY), train_fraction=0.5)


def test_prediction_and_deviation(data):
    teacher = fit_teachers("br", data, REGISTRY, seed=2)["teacher"]
    inputs, target = data.train.inputs.astype(float), data.train.labels[:, 0].astype(float)
    oracle = BayesianRidge().fit(inputs, target)
    mean, deviation = oracle.predict(data.holdout.inputs.astype(float), return_std=True)
    found = teacher.tensors("holdout")
    assert set(found) == {"teacher", "teacher.std"}
    np.testing.assert_allclose(found["teacher"][:, 0], mean, rtol=1e-5)
    np.testing.assert_allclose(found["teacher.std"][:, 0], deviation, rtol=1e-5)
    folds = KFold(5, shuffle=True, random_state=2)
    expected = cross_val_predict(BayesianRidge(), inputs, target, cv=folds)
    np.testing.assert_allclose(teacher.predictions_train[:, 0], expected, rtol=1e-5)
    error = np.mean((mean - data.holdout.labels[:, 0]) ** 2)
    assert teacher.scores["holdout"]["mean_squared_error"] == pytest.approx(error, rel=1e-4)
    assert teacher.gap("mean_squared_error") > 0


def test_regressors_by_class_name(data):
    teachers = fit_teachers(
        ["a=gpr:rows=60,fit=train", "b=KNeighborsRegressor", "c=rfr:n_estimators=5,fit=train"],
        data,
        REGISTRY,
    )
    assert set(teachers["a"].tensors("train")) == {"a", "a.std"}
    assert set(teachers["b"].tensors("train")) == {"b"}
    variance = np.var(data.holdout.labels)
    assert all(
        teacher.scores["holdout"]["mean_squared_error"] < variance for teacher in teachers.values()
    )
    assert teachers["b"].predict(data.holdout.inputs).shape == (len(data.holdout), 1)


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [
        ("rf", UsageError, "is a classifier, but the data are for regression"),
        ("br:calibrate=sigmoid", UsageError, "nothing to calibrate"),
        ("MultiTaskLasso", UsageError, "predicts several targets at once"),
        ("CCA", PluginError, "failed in fit"),
    ],
)
def test_what_is_refused(data, text, error, sentence):
    with pytest.raises(error, match=sentence):
        fit_teachers(text, data, REGISTRY)


def test_a_regressor_for_classes():
    with pytest.raises(UsageError, match="is a regressor, but the data have classes"):
        fit_teachers("br", prepare(load_dataset("iris", REGISTRY)), REGISTRY)
