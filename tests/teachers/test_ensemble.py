"""Several teachers as one, against scikit-learn's mean and a general optimiser."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC

from tfloss.data import load_dataset, prepare
from tfloss.errors import PluginError, UsageError
from tfloss.registry import load_registry
from tfloss.teachers import fit_teachers
from tfloss_teachers.ensemble import EnsembleClassifier, mixture_weights

REGISTRY = load_registry()


@pytest.fixture(scope="module")
def data():
    return prepare(load_dataset("wine", REGISTRY), train_fraction=0.6)


def test_the_mean_is_scikit_learns(data):
    teacher = fit_teachers("ensemble:estimators=[lr(C=2),nb]", data, REGISTRY, fit="train")[
        "teacher"
    ]
    oracle = VotingClassifier(
        [("a", LogisticRegression(C=2)), ("b", GaussianNB())], voting="soft"
    ).fit(data.train.inputs.astype(float), data.train.codes)
    expected = oracle.predict_proba(data.holdout.inputs.astype(float))
    np.testing.assert_allclose(teacher.predictions_holdout, expected, atol=1e-6)


def test_weights_have_the_lowest_log_loss():
    random = np.random.default_rng(0)
    said = random.uniform(0.05, 1, size=(200, 3)) ** [1, 2, 0.5]

    def loss(free):
        weights = np.exp(np.append(free, 0))
        return -np.log(said @ (weights / weights.sum())).mean()

    best = minimize(
        loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-12}
    )
    weights = mixture_weights(said)
    assert weights.sum() == pytest.approx(1)
    assert -np.log(said @ weights).mean() == pytest.approx(best.fun, abs=1e-6)


def test_a_useless_member_gets_no_weight(data):
    text = "ensemble:estimators=[lr,prior(strategy=uniform),linear_svc],weights=log_loss"
    teacher = fit_teachers(text, data, REGISTRY, fit="train")["teacher"]
    weights = teacher.estimator.weights_
    assert weights[1] < 0.02
    np.testing.assert_allclose(weights.sum(), 1)
    assert teacher.scores["holdout"]["accuracy"] > 0.9


def test_settings_inside():
    both = EnsembleClassifier([("lr", LogisticRegression()), ("nb", GaussianNB())])
    both.set_params(lr__C=7, weights="log_loss")
    assert both.estimators[0][1].C == 7
    assert both.get_params()["lr__C"] == 7


def test_one_member_needs_no_list(data):
    alone, listed = (
        fit_teachers(f"ensemble:estimators={text}", data, REGISTRY)["teacher"].predictions_holdout
        for text in ("lr(C=3)", "[lr(C=3)]")
    )
    np.testing.assert_array_equal(alone, listed)


def test_a_vote_of_those_without_probabilities(data):
    teacher = fit_teachers("voting:estimators=[lr,svc]", data, REGISTRY, fit="train")["teacher"]
    inputs, codes = data.train.inputs.astype(float), data.train.codes
    members = (LogisticRegression(random_state=0), CalibratedClassifierCV(SVC(random_state=0)))
    said = [one.fit(inputs, codes).predict_proba(data.holdout.inputs) for one in members]
    expected = np.mean(said, axis=0)
    np.testing.assert_allclose(teacher.predictions_holdout, expected, atol=1e-5)


def test_what_is_refused(data):
    with pytest.raises(UsageError, match="cannot have weights=best; it is one of mean, log_loss"):
        fit_teachers("ensemble:estimators=[lr,nb],weights=best", data, REGISTRY)
    with pytest.raises(PluginError, match="weights is 'best'"):
        fit_teachers(EnsembleClassifier([("lr", LogisticRegression())], "best"), data, REGISTRY)
    for name in ("ensemble", "voting", "stacking"):
        with pytest.raises(UsageError, match=r"cannot have estimators=\[\]; name one or more"):
            fit_teachers(f"{name}:estimators=[]", data, REGISTRY)
    with pytest.raises(UsageError, match="needs its setting 'estimators'"):
        fit_teachers("ensemble", data, REGISTRY)
