"""`class_weight`: as scikit-learn weighs classes, for training alone."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.utils.class_weight import compute_sample_weight

import tfloss
from tfloss.data.class_weights import read_class_weight
from tfloss.errors import UsageError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 3))
Y = np.where(X[:, 0] + RNG.normal(size=200) > 1.2, "yes", "no")


@pytest.mark.parametrize(
    "class_weight", ["balanced", {"yes": 3.0}, {"no": 0.5, "yes": 2}, ["no=0.5", "yes=2"], "yes=3"]
)
def test_rows_count_as_scikit_learn_counts_them(class_weight):
    data = tfloss.load_data((X, Y), class_weight=class_weight)
    wanted = read_class_weight(class_weight)
    own = compute_sample_weight(wanted, Y[data.train.rows])
    np.testing.assert_allclose(data.train.weight, own, rtol=1e-6)
    assert data.train.sample_weight is None
    assert data.holdout.weight is None


def test_they_multiply_the_weights_of_the_rows_and_leave_rows_without_a_label():
    labels = Y.astype(object)
    labels[:20] = None
    weight = RNG.random(200)
    table = tfloss.Table(X, labels, columns={"w": weight}, weight="w")
    data = tfloss.load_data(table, class_weight={"yes": 4})
    rows = data.train.rows
    factor = np.where(labels[rows] == "yes", 4.0, 1.0)
    np.testing.assert_allclose(data.train.weight, weight[rows] * factor, rtol=1e-6)
    np.testing.assert_allclose(data.train.sample_weight, weight[rows], rtol=1e-6)


def test_the_loss_counts_them_and_the_scores_do_not():
    """A linear student at its optimum is scikit-learn's weighted logistic regression."""
    data = tfloss.load_data((X, Y))
    options = {"epochs": 400, "batch_size": 256, "optimizer": "adam:learning_rate=0.1"}
    result = tfloss.fit("bce", data, "mlp:activation=relu", class_weight={"yes": 5}, **options)
    linear = LogisticRegression(C=np.inf, class_weight={1: 5.0}, tol=1e-8)
    linear.fit(data.train.inputs, data.train.codes)
    probs = linear.predict_proba(data.train.inputs)
    np.testing.assert_allclose(result.predict(X[data.train.rows]), probs, atol=2e-3)
    accuracy = (probs.argmax(axis=1) == data.train.codes).mean()
    np.testing.assert_allclose(result.scores["student on train"]["accuracy"], accuracy)


def test_teachers_count_them():
    data = tfloss.load_data((X, Y), class_weight={"yes": 5})
    result = tfloss.fit(
        "bce + kl", data, teacher=LogisticRegression(), teacher_fit="train", epochs=1
    )
    features = X[data.train.rows]
    own = LogisticRegression(class_weight={1: 5.0}).fit(features, data.train.codes)
    np.testing.assert_allclose(
        result.teachers["teacher"].predictions_train[:, 0],
        own.predict_proba(features)[:, 1],
        atol=1e-4,
    )


@pytest.mark.parametrize(
    ("class_weight", "words"),
    [
        ("balance", "Did you mean 'balanced'"),
        ({"maybe": 2}, "names the class 'maybe'.*Its classes: no, yes"),
        ({"yes": -1}, "a weight is a number from 0"),
        (["yes=much"], "cannot be 'yes=much'"),
        ({"yes": 0, "no": 0}, "0 for all training rows"),
        (3, "cannot be 3"),
    ],
)
def test_what_cannot_be_is_a_sentence(class_weight, words):
    with pytest.raises(UsageError, match=words):
        tfloss.load_data((X, Y), class_weight=class_weight)


def test_quantities_have_none():
    with pytest.raises(UsageError, match="class_weight is about classes"):
        tfloss.load_data((X, X[:, 0]), class_weight="balanced")
    counts = RNG.integers(0, 5, 200)
    with pytest.raises(UsageError, match="class_weight is about classes"):
        tfloss.fit("mse", tfloss.load_data((X, counts), class_weight="balanced"), epochs=1)
