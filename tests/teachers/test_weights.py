"""Sample weights reach the teachers that take them, and the others say that they do not."""

import numpy as np
import pytest
from sklearn.linear_model import BayesianRidge, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from tests.teachers.spies import Plain
from tfloss.data import Table, prepare
from tfloss.registry import load_registry
from tfloss.teachers import fit_teachers

REGISTRY = load_registry()


class TellsLate(LogisticRegression):
    """Has the parameter, and refuses it only when it is used, as estimators of estimators do."""

    def fit(self, X, y, sample_weight=None):
        if sample_weight is not None:
            raise ValueError("The underlying estimator does not support sample weights.")
        return super().fit(X, y)


def _data(regression=False):
    random = np.random.default_rng(0)
    features = random.normal(size=(80, 3))
    quantity = features[:, 0] + random.normal(size=80)
    target = quantity if regression else (quantity > 0).astype(int)
    weight = {"w": random.gamma(1, size=80)}
    return prepare(Table(features, target, columns=weight, weight="w"), train_fraction=0.7)


@pytest.mark.parametrize(
    ("teacher", "oracle", "parameter"),
    [
        (LogisticRegression(), LogisticRegression(), "sample_weight"),
        (
            make_pipeline(StandardScaler(), LogisticRegression()),
            make_pipeline(StandardScaler(), LogisticRegression()),
            "logisticregression__sample_weight",
        ),
        (
            "MultinomialNB",
            make_pipeline(
                MinMaxScaler(clip=True),
                REGISTRY.get(type(REGISTRY.teachers["lr"]), "MultinomialNB")(),
            ),
            "multinomialnb__sample_weight",
        ),
    ],
)
def test_classifiers(teacher, oracle, parameter):
    data = _data()
    found = fit_teachers(teacher, data, REGISTRY, fit="train")["teacher"]
    part = data.train
    weight = part.sample_weight.astype(float)
    oracle.fit(part.features, part.codes, **{parameter: weight})
    expected = oracle.predict_proba(data.holdout.features)[:, 1:]
    np.testing.assert_allclose(found.predictions_holdout, expected, atol=1e-6)
    assert not any("weights" in note for note in found.notes)


def test_a_regressor():
    data = _data(regression=True)
    found = fit_teachers(BayesianRidge(), data, REGISTRY, fit="train")["teacher"]
    part = data.train
    oracle = BayesianRidge().fit(part.features, part.labels[:, 0], part.sample_weight)
    expected = oracle.predict(data.holdout.features)[:, None]
    np.testing.assert_allclose(found.predictions_holdout, expected, atol=1e-5)


@pytest.mark.parametrize(
    "teacher",
    [KNeighborsClassifier(), Plain(), "voting:estimators=[lr,knn]", TellsLate()],
)
def test_those_that_take_none_say_so(teacher):
    found = fit_teachers(teacher, _data(), REGISTRY)["teacher"]
    assert any("takes no sample weights: fitted without" in note for note in found.notes)


def test_a_regressor_that_takes_none():
    found = fit_teachers(KNeighborsRegressor(), _data(regression=True), REGISTRY)["teacher"]
    assert any("takes no sample weights" in note for note in found.notes)


def test_an_ensemble_hands_them_on():
    data = _data()
    found = fit_teachers("ensemble:estimators=[lr,nb],weights=log_loss,fit=train", data, REGISTRY)
    parts = fit_teachers(["a=lr:fit=train", "b=nb:fit=train"], data, REGISTRY)
    weights = found["teacher"].estimator.weights_
    expected = (
        weights[0] * parts["a"].predictions_holdout + weights[1] * parts["b"].predictions_holdout
    )
    np.testing.assert_allclose(found["teacher"].predictions_holdout, expected, atol=1e-6)


def test_the_cache_knows_the_weights(tmp_path):
    from dataclasses import replace

    data = _data()
    fit_teachers("lr", data, REGISTRY, cache=tmp_path)
    other = replace(data, train=replace(data.train, sample_weight=None))
    fit_teachers("lr", other, REGISTRY, cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
