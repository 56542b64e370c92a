"""Rows without a label count in the terms that ask for none."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression, Ridge

from tfloss.sklearn import DistilledClassifier, DistilledRegressor
from tfloss.sklearn.labels import labels_and_gaps

X, Y = load_iris(return_X_y=True)
FAST = {
    "hidden": (8,),
    "optimizer": "adam:learning_rate=0.02",
    "random_state": 0,
    "epochs": 5,
    "compile": "eager",
}
GAPS = np.arange(150) % 3 > 0


@pytest.mark.parametrize(
    ("labels", "options"),
    [
        (np.where(GAPS, np.nan, Y), {}),
        (np.where(GAPS, None, np.array(["a", "b", "c"])[Y]), {}),
        (np.where(GAPS, -1, Y), {"unlabelled": -1}),
    ],
    ids=["NaN", "None", "-1"],
)
def test_a_teacher_answers_for_rows_without_a_label(labels, options):
    """Its rows train by the teacher's answers, which are those of a fit on the labelled rows."""
    formula = "kd(temperature=1)"
    own = DistilledClassifier(
        formula, teacher=LogisticRegression(), teacher_fit="train", **options, **FAST
    ).fit(X, labels)
    assert len(own.classes_) == 3
    known = LogisticRegression().fit(X[~GAPS], Y[~GAPS])
    soft = {"soft": known.predict_proba(X)}
    other = DistilledClassifier("kd(soft, temperature=1)", **FAST).fit(X, Y, **soft)
    np.testing.assert_allclose(own.history_["total"], other.history_["total"], rtol=1e-3, atol=1e-5)


def test_they_are_as_if_left_out_of_terms_of_labels():
    own = DistilledClassifier("ce", **{**FAST, "batch_size": 150}, scale="none")
    whole = own.fit(X, np.where(GAPS, np.nan, Y)).history_["ce"]
    part = own.fit(X[~GAPS], Y[~GAPS]).history_["ce"]
    np.testing.assert_allclose(whole, part, rtol=1e-4)


def test_minus_one_is_a_class_unless_said():
    model = DistilledClassifier(**FAST).fit(X, np.where(Y == 0, -1, 1))
    assert model.classes_.tolist() == [-1, 1]


def test_quantities_too():
    features, target = load_diabetes(return_X_y=True)
    gaps = np.arange(len(target)) % 2 > 0
    model = DistilledRegressor("mse(teacher, prediction)", teacher=Ridge(), **FAST)
    model.fit(features, np.where(gaps, np.nan, target))
    known = Ridge().fit(features[~gaps], target[~gaps])
    assert "out of fold" in " ".join(model.teacher_notes_)
    assert abs(model.predict(features).mean() - known.predict(features).mean()) < 30


@pytest.mark.parametrize("labels", [[None] * 4, [np.nan] * 4, [-1] * 4])
def test_no_label_at_all_is_an_error(labels):
    with pytest.raises(ValueError, match="no row has a label"):
        labels_and_gaps(labels, -1)


def test_labels_without_gaps_stay_as_they_are():
    for labels in (Y, ["a", "b"], [True, False], np.array([-1, 1])):
        assert labels_and_gaps(labels) == (labels, None) or labels is Y
