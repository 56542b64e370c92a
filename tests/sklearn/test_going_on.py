"""`early_stopping`, `partial_fit`, `warm_start`, `verbose`: as in scikit-learn's own networks."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV

from tfloss.errors import UsageError
from tfloss.sklearn import DistilledClassifier, DistilledRegressor

X, Y = load_iris(return_X_y=True)
FAST = {
    "hidden": (8,),
    "optimizer": "adam:learning_rate=0.02",
    "compile": "eager",  # short trainings do not repay compiling
    "random_state": 0,
}


def weights(model):
    return model.network_.model.get_weights()


def assert_same(own, other, **tolerance):
    for one, two in zip(weights(own), weights(other), strict=True):
        np.testing.assert_allclose(one, two, **tolerance)


def test_early_stopping_keeps_the_best_epoch():
    model = DistilledClassifier(
        early_stopping=True, validation_fraction=0.2, n_iter_no_change=3, epochs=500, **FAST
    ).fit(X, Y)
    assert model.n_iter_ == len(model.validation_loss_) == model.best_epoch_ + 3
    assert model.best_epoch_ == model.validation_loss_.argmin() + 1
    assert model.score(X, Y) > 0.9
    plain = DistilledClassifier(epochs=2, **FAST).fit(X, Y)
    assert (plain.n_iter_, plain.best_epoch_, len(plain.validation_loss_)) == (2, None, 0)


def test_parts_of_all_rows_are_epochs_of_fit():
    """The optimizer, schedules and the order of rows go on: three parts are three epochs."""
    options = {**FAST, "formula": "linear(1, 0.1, epochs=3)*ce", "compile": "graph"}
    whole = DistilledClassifier(epochs=3, **options).fit(X, Y)
    parts = DistilledClassifier(epochs=200, **options)
    for _ in range(2):
        parts.partial_fit(X, Y, classes=[2, 0, 1])
    parts = pickle.loads(pickle.dumps(parts))  # with its optimizer
    parts.partial_fit(X, Y)
    assert parts.n_iter_ == 3
    assert_same(parts, whole, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(parts.history_["total"], whole.history_["total"], rtol=1e-4)


def test_a_part_may_have_rows_of_one_class():
    model = DistilledClassifier(**FAST).partial_fit(X[:60], Y[:60], classes=[0, 1, 2])
    before = model.predict_proba(X[100:])[:, 2].mean()
    for _ in range(10):
        model.partial_fit(X[100:], Y[100:])
    assert model.predict_proba(X[100:])[:, 2].mean() > before + 0.1
    with pytest.raises(ValueError, match=r"labels \[7\], which are not among classes"):
        model.partial_fit(X[:2], [7, 7])


def test_what_a_part_cannot_have_is_a_sentence():
    model = DistilledClassifier(**FAST)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(X, Y)
    with pytest.raises(ValueError, match="early_stopping"):
        clone(model).set_params(early_stopping=True).partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="balanced"):
        clone(model).set_params(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2])
    taught = DistilledClassifier(teacher=LogisticRegression(), **FAST)
    with pytest.raises(UsageError, match=r"'LogisticRegression' would be fitted again.*Frozen"):
        taught.partial_fit(X, Y, classes=[0, 1, 2])


def test_a_regressor_in_parts(full_size):
    if not full_size:
        pytest.skip("many epochs, one by one: TFLOSS_TEST_SIZE=full")
    features, target = load_diabetes(return_X_y=True)
    model = DistilledRegressor(**FAST)
    for _ in range(30):
        model.partial_fit(features[:300], target[:300])
    assert model.score(features[300:], target[300:]) > 0.3
    with pytest.raises(ValueError, match="is expecting 10 features"):
        model.partial_fit(features[:, :3], target)


def test_a_warm_start_goes_on_from_the_network_before():
    model = DistilledClassifier(epochs=30, warm_start=True, **FAST).fit(X, Y)
    before, first = model.history_["total"][-1], model.network_.model
    again = model.fit(X[::2], Y[::2])
    assert again.network_.scaler is not None
    assert again.history_["total"][0] < 1.2 * before
    assert len(again.history_["total"]) == 30
    cold = clone(model).set_params(warm_start=False).fit(X, Y).fit(X, Y)
    assert cold.history_["total"][0] > 1.5 * before
    del first
    with pytest.raises(ValueError, match="warm_start goes on with the classes"):
        model.fit(X[:100], Y[:100])


def test_verbose_prints_a_line_for_every_epoch(capsys):
    DistilledClassifier("ce", epochs=3, verbose=1, **FAST).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == [f"epoch {n}/3" for n in (1, 2, 3)]
    assert all("total" in line and "ce" in line for line in lines)


def test_an_already_fitted_teacher_is_treated_alike_by_fit_and_grid_search():
    """Both clone it, so that it is fitted on the rows of this fit; frozen, it stays as it was."""
    from sklearn.frozen import FrozenEstimator

    known = LogisticRegression(max_iter=500).fit(X[::2], Y[::2])
    for teacher, again in ((known, True), (FrozenEstimator(known), False)):
        model = DistilledClassifier("ce + kd", teacher=teacher, epochs=1, **FAST)
        search = GridSearchCV(model, {"formula": ["ce + kd"]}, cv=2).fit(X, Y)
        for fitted in (model.fit(X, Y), search.best_estimator_):
            notes = " ".join(fitted.teacher_notes_)
            assert ("was fitted before" in notes) is not again
    assert known.coef_.shape == (3, 4)


def test_a_frozen_teacher_teaches_in_parts():
    from sklearn.frozen import FrozenEstimator

    features, target = load_diabetes(return_X_y=True)
    teacher = FrozenEstimator(Ridge().fit(features, target))
    model = DistilledRegressor(teacher=teacher, **FAST)
    model.partial_fit(features[:50], target[:50]).partial_fit(features[50:], target[50:])
    assert model.n_iter_ == 2
