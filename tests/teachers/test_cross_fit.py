"""Predictions out of fold against scikit-learn's, and what they show."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from tfloss.data import Table, load_dataset, prepare
from tfloss.errors import DataError, UsageError
from tfloss.registry import load_registry
from tfloss.teachers import fit_teachers

from .spies import Spy

REGISTRY = load_registry()
FOREST = "rf:n_estimators=30"


@pytest.fixture(scope="module")
def data():
    return prepare(load_dataset("wine", REGISTRY), train_fraction=0.7)


def test_it_is_cross_val_predict(data):
    teacher = fit_teachers(FOREST, data, REGISTRY, seed=4)["teacher"]
    inputs, codes = data.train.inputs.astype(float), data.train.codes
    forest = RandomForestClassifier(30, random_state=4)
    folds = StratifiedKFold(5, shuffle=True, random_state=4)
    expected = cross_val_predict(forest, inputs, codes, cv=folds, method="predict_proba")
    np.testing.assert_allclose(teacher.predictions_train, expected, atol=1e-6)
    final = forest.fit(inputs, codes).predict_proba(data.holdout.inputs)
    np.testing.assert_allclose(teacher.predictions_holdout, final, atol=1e-6)
    assert teacher.origin == "cross"
    assert "out of fold" in teacher.notes[0]


def test_the_gap(data):
    teacher = fit_teachers(FOREST, data, REGISTRY, seed=4)["teacher"]
    fair = np.clip(teacher.predictions_train, 1e-7, 1)
    codes = data.train.codes
    scores = teacher.scores
    assert scores["own rows"]["accuracy"] == 1
    expected = np.mean(fair.argmax(axis=1) == codes)
    assert scores["out of fold"]["accuracy"] == pytest.approx(expected)
    expected = log_loss(codes, fair.astype(float))
    assert scores["out of fold"]["log_loss"] == pytest.approx(expected, rel=1e-4)
    expected = log_loss(data.holdout.codes, teacher.predictions_holdout.astype(float))
    assert scores["holdout"]["log_loss"] == pytest.approx(expected, rel=1e-4)
    assert teacher.gap("log_loss") == pytest.approx(
        scores["out of fold"]["log_loss"] - scores["own rows"]["log_loss"]
    )
    assert teacher.gap("log_loss") > 0


def test_no_row_is_answered_by_a_model_that_saw_it(data):
    Spy.forget()
    fit_teachers(Spy(), data, REGISTRY)
    final, *folds = [{row.tobytes() for row in rows} for rows, _ in Spy.fitted_on]
    asked = [{row.tobytes() for row in rows} for rows in Spy.asked_about]
    assert len(folds) == 5
    own, holdout, *left_out = asked
    assert own == final
    assert not holdout & final
    for seen, rows in zip(folds, left_out, strict=True):
        assert not seen & rows
        assert seen | rows == final


@pytest.mark.parametrize(
    ("rows", "rare", "how"), [(49, 20, "train"), (50, 5, "cross"), (50, 4, "train")]
)
def test_auto_needs_rows(rows, rare, how):
    target = np.r_[np.zeros(rows - rare, int), np.ones(rare, int)]
    table = Table(np.random.default_rng(0).normal(size=(rows, 2)), target)
    data = prepare(table, train_fraction=1.0)
    teacher = fit_teachers("lr", data, REGISTRY)["teacher"]
    assert teacher.origin == how
    assert ("needs 50 rows and 5 of every class" in teacher.notes[0]) == (how == "train")


def test_cross_with_few_rows_and_with_one_row_of_a_class():
    features = np.random.default_rng(0).normal(size=(7, 2))
    data = prepare(Table(features, [0, 0, 0, 0, 1, 1, 1]), train_fraction=1.0)
    assert fit_teachers("lr:fit=cross", data, REGISTRY)["teacher"].origin == "cross"
    data = prepare(Table(features, [0, 0, 0, 0, 0, 0, 1]), train_fraction=1.0)
    with pytest.raises(DataError, match="one training row only; use fit=train"):
        fit_teachers("lr:fit=cross", data, REGISTRY)


def test_the_text_overrules(data):
    teachers = fit_teachers(["a=nb:fit=train", "b=nb"], data, REGISTRY, fit="cross")
    assert (teachers["a"].origin, teachers["b"].origin) == ("train", "cross")
    assert teachers["a"].gap("log_loss") is None
    with pytest.raises(UsageError, match=r"fit=corss.*Did you mean 'cross'"):
        fit_teachers("nb:fit=corss", data, REGISTRY)


def test_unlabelled_rows_are_answered_by_the_final_model(data):
    table = load_dataset("wine", REGISTRY)
    target = table.target.astype(float)
    target[::5] = np.nan
    data = prepare(Table(table.features, target), train_fraction=0.8)
    teacher = fit_teachers(FOREST, data, REGISTRY)["teacher"]
    without = ~data.train.labelled
    assert without.any()
    expected = teacher.predict(data.train.inputs[without])
    np.testing.assert_array_equal(teacher.predictions_train[without], expected)


def test_fewer_rows(data):
    Spy.forget()
    teacher = fit_teachers({"few": Spy()}, data, REGISTRY, rows=60, fit="train")["few"]
    [(rows, codes)] = Spy.fitted_on
    assert len(rows) == teacher.rows == 60
    shares = np.bincount(codes) / 60 - np.bincount(data.train.codes) / len(data.train)
    assert np.abs(shares).max() < 0.02
    teacher = fit_teachers("lr:rows=60", data, REGISTRY)["teacher"]
    assert (teacher.rows, teacher.origin) == (60, "cross")
    with pytest.raises(UsageError, match="rows=1"):
        fit_teachers("lr:rows=1", data, REGISTRY)


def _many_rows():
    random = np.random.default_rng(0)
    return prepare(Table(random.normal(size=(20_000, 2)), np.arange(20_000) % 2))


@pytest.mark.parametrize("text", ["gpc", "GaussianProcessClassifier", "bagging:estimator=gpc"])
def test_what_takes_too_long_is_refused(text):
    with pytest.raises(UsageError, match=r"would need about \d+ .* for 18000 rows; .*rows=1000"):
        fit_teachers(text, _many_rows(), REGISTRY)


def test_an_expensive_object_is_refused_and_cheap_ones_are_not():
    from sklearn.gaussian_process import GaussianProcessClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pipeline = make_pipeline(StandardScaler(), GaussianProcessClassifier())
    with pytest.raises(UsageError, match="would need about"):
        fit_teachers(pipeline, _many_rows(), REGISTRY)
    assert fit_teachers("gpc:rows=60", _many_rows(), REGISTRY)["teacher"].rows == 60
    assert fit_teachers("nb", _many_rows(), REGISTRY)["teacher"].rows == 18_000


def test_insisting():
    Spy.forget()

    from tfloss.registry import Registry, teacher

    @teacher(estimator="spies.Spy", cost=lambda rows, classes: 1e6)
    def slow():
        return Spy()

    registry = Registry().add(slow)
    data = prepare(Table(np.random.default_rng(0).normal(size=(60, 2)), np.arange(60) % 2))
    with pytest.raises(UsageError, match=r"about \d+ days"):
        fit_teachers("slow", data, registry)
    assert not Spy.fitted_on
    assert fit_teachers("slow:force=true", data, registry)["teacher"].rows == 54
    with pytest.raises(UsageError, match="force=yes"):
        fit_teachers("slow:force=yes", data, registry)
