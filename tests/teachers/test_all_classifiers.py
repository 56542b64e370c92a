"""Every classifier of scikit-learn as a teacher, in five situations of labels."""

import inspect
import os
import warnings
from dataclasses import replace

import numpy as np
import pytest
from sklearn.utils import all_estimators

from tfloss.data import Table, prepare
from tfloss.errors import DataError, UsageError
from tfloss.registry import load_registry
from tfloss.teachers import fit_teachers

ALL = dict(all_estimators("classifier"))
ROWS = 600 if os.environ.get("TFLOSS_TEST_SIZE") == "full" else 90
SITUATIONS = {
    "two": ("b", "a"),
    "three": (0, 1, 2),
    "awkward": ("zebra", "10", "9"),
    "missing": ("x", "y", "z", "w"),
    "single": ("only",),
}
SEVERAL_TARGETS = {"ClassifierChain", "MultiOutputClassifier"}
TWO_CLASSES = {"FixedThresholdClassifier", "TunedThresholdClassifierCV"}
CALIBRATED = {
    *("LinearSVC", "NuSVC", "OneVsOneClassifier", "PassiveAggressiveClassifier", "Perceptron"),
    *("RidgeClassifier", "RidgeClassifierCV", "SGDClassifier", "SVC"),
}
SETTINGS = {
    "MLPClassifier": "max_iter=20",
    "NuSVC": "nu=0.2",
    "RadiusNeighborsClassifier": "radius=3.5",
    "StackingClassifier": "estimators=[lr,nb]",
    "VotingClassifier": "estimators=[lr,nb],voting=soft",
    "SelfTrainingClassifier": "estimator=lr",
}


def _text(name):
    needed = [
        parameter.name
        for parameter in inspect.signature(ALL[name]).parameters.values()
        if parameter.default is inspect.Parameter.empty and parameter.name == "estimator"
    ]
    settings = SETTINGS.get(name) or ("estimator=lr" if needed else "")
    return f"{name}:{settings}" if settings else name


def _table(labels):
    random = np.random.default_rng(3)
    codes = np.arange(ROWS) % len(labels)
    features = random.normal(size=(ROWS, 4))
    features[:, :3] += 4 * np.eye(3)[codes % 3] * (codes < 3)[:, None]
    return Table(features, np.array(labels, dtype=object)[codes], task="classification")


def _data(situation):
    data = prepare(_table(SITUATIONS[situation]), train_fraction=0.7, seed=1)
    if situation == "missing":
        there = data.train.codes != 1
        train = data.arrange(_table(SITUATIONS[situation]), data.train.rows[there])
        data = replace(data, train=train)
    return data


def test_there_are_as_many_as_expected():
    # A new class of scikit-learn should be looked at, so that it works or says why not.
    assert len(ALL) >= 42
    assert set(ALL) >= CALIBRATED | SEVERAL_TARGETS | TWO_CLASSES


@pytest.mark.parametrize("situation", ["two", "three", "awkward", "missing"])
@pytest.mark.parametrize("name", sorted(ALL))
def test_it_teaches_or_says_why_not(name, situation):
    data = _data(situation)
    if name in SEVERAL_TARGETS:
        expected = "predicts several targets at once"
    elif name in TWO_CLASSES and situation != "two":
        expected = "knows two classes only, and the training rows have 3"
    elif name == "OutputCodeClassifier":
        expected = "neither probabilities nor a decision function"
    else:
        expected = None
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing is printed to whoever trains
        warnings.simplefilter("ignore", FutureWarning)
        if expected:
            with pytest.raises(UsageError, match=expected):
                fit_teachers(_text(name), data, load_registry(), fit="train")
            return
        teacher = fit_teachers(_text(name), data, load_registry(), fit="train")["teacher"]
    classes = len(data.classes)
    for answers, part in (
        (teacher.predictions_train, data.train),
        (teacher.predictions_holdout, data.holdout),
    ):
        assert answers.shape == (len(part), 1 if classes == 2 else classes)
        assert answers.min() > 0
        assert answers.max() < 1
        if classes > 2:
            np.testing.assert_allclose(answers.sum(axis=1), 1, rtol=1e-5)
        if situation == "missing":
            assert answers[:, 1].max() < 2e-7
    assert any("calibrated (sigmoid)" in note for note in teacher.notes) == (name in CALIBRATED)
    if name not in ("DummyClassifier", "CategoricalNB", "BernoulliNB"):
        guess = 1 / len(np.unique(data.train.codes))
        assert teacher.scores["own rows"]["accuracy"] > guess + 0.1  # the columns are in order


@pytest.mark.parametrize("name", sorted(ALL))
def test_one_class_is_refused_before_anything_is_fitted(name):
    with pytest.raises(DataError, match="belong to the class 'only'"):
        _data("single")
    data = _data("two")
    there = data.train.codes == 1
    train = data.arrange(_table(SITUATIONS["two"]), data.train.rows[there])
    with pytest.raises((DataError, UsageError), match=r"one class only|several targets"):
        fit_teachers(_text(name), replace(data, train=train), load_registry())


def test_bare_classes_without_calibration():
    data = _data("three")
    for text in ("LinearSVC:calibrate=none", "OutputCodeClassifier:estimator=lr,calibrate=false"):
        teacher = fit_teachers(text, data, load_registry(), fit="train")["teacher"]
        assert teacher.predictions_train.max(axis=1).min() > 0.9999
        found = teacher.estimator.predict(data.train.inputs.astype(float))
        np.testing.assert_array_equal(teacher.predictions_train.argmax(axis=1), found)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
def test_any_teacher_can_be_calibrated(method):
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.naive_bayes import GaussianNB

    data = _data("three")
    teacher = fit_teachers(f"nb:calibrate={method}", data, load_registry(), fit="train")["teacher"]
    oracle = CalibratedClassifierCV(GaussianNB(), method=method, cv=5)
    oracle.fit(data.train.inputs.astype(float), data.train.codes)
    expected = oracle.predict_proba(data.holdout.inputs.astype(float))
    np.testing.assert_allclose(teacher.predictions_holdout, expected, atol=1e-5)
    with pytest.raises(UsageError, match="Did you mean 'isotonic'"):
        fit_teachers("nb:calibrate=isotonc", data, load_registry())
