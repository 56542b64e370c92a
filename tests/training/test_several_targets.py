"""Several quantities at once, and several labels of 0 and 1, through every door."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import BayesianRidge, LinearRegression
from sklearn.metrics import log_loss, r2_score, roc_auc_score

import tfloss
from tests.cli.running import tfloss as run
from tfloss.errors import DataError, UsageError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(160, 3))
QUANTITIES = np.column_stack([1000 + 300 * X[:, 0], 50 * (X[:, 1] - X[:, 2])])
QUANTITIES += RNG.normal(size=(160, 2)) * [30, 5]
LABELS = (expit(3 * QUANTITIES / QUANTITIES.std(axis=0)) > RNG.random((160, 2))).astype(int)
LABELS[:, 0] = QUANTITIES[:, 0] > 1000
FAST = {"epochs": 60, "optimizer": "adam:learning_rate=0.02", "compile": "graph"}


@pytest.fixture(scope="module")
def quantities():
    data = tfloss.load_data((X, {"load": QUANTITIES[:, 0], "drift": QUANTITIES[:, 1]}))
    formula = "mse + mse(teacher, prediction)"
    return tfloss.fit(formula, data, teacher=LinearRegression(), teacher_fit="train", **FAST)


@pytest.fixture(scope="module")
def labels():
    return tfloss.fit("bce", tfloss.load_data((X, LABELS)), **FAST)


def test_quantities_with_a_teacher(quantities):
    data = quantities.data
    assert (data.task, data.n_outputs, data.target_names) == ("regression", 2, ("load", "drift"))
    train, holdout = data.train.rows, data.holdout.rows
    ours = quantities.teachers["teacher"].predictions_holdout
    oracle = LinearRegression().fit(X[train], QUANTITIES[train]).predict(X[holdout])
    np.testing.assert_allclose(ours, oracle, rtol=1e-4, atol=1e-2)
    predicted = quantities.predict(X)
    assert predicted.shape == (160, 2)
    for place in range(2):
        assert np.corrcoef(predicted[:, place], QUANTITIES[:, place])[0, 1] > 0.9


def test_scores_are_each_targets_and_their_mean(quantities):
    holdout = quantities.data.holdout.rows
    predicted = quantities.predict(X[holdout])
    each = r2_score(QUANTITIES[holdout], predicted, multioutput="raw_values")
    scores = quantities.scores["student on holdout"]
    found = [scores["r2 of load"], scores["r2 of drift"], scores["r2"]]
    np.testing.assert_allclose(found, [*each, each.mean()], rtol=1e-4)
    assert "r2 of load" in quantities.scores["teacher on holdout"]


def test_labels_are_probabilities_with_the_scores_of_two_classes(labels):
    predicted = labels.predict(X)
    assert ((predicted > 0) & (predicted < 1)).all()
    rows = labels.data.train.rows
    scores = labels.scores["student on train"]
    truth, said = LABELS[rows], predicted[rows]
    np.testing.assert_allclose(scores["accuracy"], ((said > 0.5) == truth).mean(), rtol=1e-6)
    np.testing.assert_allclose(scores["auc"], roc_auc_score(truth, said, average="macro"))
    own = log_loss(truth[:, 1], said[:, 1])
    np.testing.assert_allclose(scores["log_loss of y1"], own, rtol=1e-4)
    assert scores["accuracy of y0"] > 0.9


@pytest.mark.parametrize("which", ["labels", "quantities"])
def test_exported(which, request, tmp_path):
    import keras

    result = request.getfixturevalue(which)
    tfloss.export(result, tmp_path / "m.keras", with_scaler=True)
    exported = keras.models.load_model(tmp_path / "m.keras")(X.astype(np.float32))
    np.testing.assert_allclose(np.asarray(exported), result.predict(X), rtol=1e-3, atol=1e-5)


def test_from_the_command_line(tmp_path):
    with (tmp_path / "two.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "c", "load", "drift"])
        writer.writerows(np.column_stack([X, LABELS]).tolist())
    command = ("train", "--data", tmp_path / "two.csv", "--target", "load,drift", "--loss")
    for number, loss in enumerate(("mse", "bce"), 1):
        answer = run(*command, loss, "--epochs", "3", "--runs", tmp_path)
        assert answer.code == 0, answer.err
        assert ("2 targets" if loss == "mse" else "2 labels") in answer.err
        assert ("r2 of drift" if loss == "mse" else "auc of drift") in answer.out
        folder = tmp_path / f"two-{number}"
        answer = run("predict", folder, tmp_path / "two.csv", "--id", "drift")
        assert answer.out.splitlines()[0] == "drift,prediction(load),prediction(drift)"
        assert len(answer.out.splitlines()) == 161
        answer = run("evaluate", folder)
        assert answer.code == 0, answer.err
        assert ("r2 of drift" if loss == "mse" else "auc of drift") in answer.out


def test_compared():
    result = tfloss.compare(["mse", "mae"], (X, QUANTITIES), seeds=2, epochs=3)
    assert np.isfinite(result.values["tables"][-1]["rows"][0]["mean"]["mean"])


def test_rows_without_any_target_are_rows_without_a_label():
    target = QUANTITIES.copy()
    target[:40] = np.nan
    data = tfloss.load_data((X, target))
    assert data.train.labelled.sum() + len(data.holdout) == 120


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        (np.full((160, 2), "a"), {}, "several targets are quantities, or labels of 0 and 1"),
        (LABELS, {"task": "classification"}, "classes are one"),
        (np.where(np.arange(320).reshape(160, 2) == 7, np.nan, QUANTITIES), {}, "missing in row 3"),
        (np.zeros((160, 2, 2)), {}, "a column for each of several targets"),
    ],
)
def test_what_cannot_be_several_targets(target, options, words):
    with pytest.raises(DataError, match=words):
        tfloss.load_data((X, target), **options)


def test_a_teacher_of_one_quantity_is_refused_before_it_is_fitted():
    data = tfloss.load_data((X, QUANTITIES))
    with pytest.raises(UsageError, match="predicts one quantity, and the data have 2; put it into"):
        tfloss.fit("mse + mse(teacher, prediction)", data, teacher=BayesianRidge())


# -- shares ------------------------------------------------------------------------------------


def test_bce_on_shares_predicts_shares():
    """One target between 0 and 1; `prediction` next to bce is the share."""
    share = expit(X[:, 0] - X[:, 1])
    data = tfloss.load_data((X, share), task="regression")
    result = tfloss.fit("bce + mse", data, **FAST)
    predicted = result.predict(X)[:, 0]
    np.testing.assert_allclose(predicted, share, atol=0.05)
    assert result.scores["student on holdout"]["r2"] > 0.95
    rows = data.train.rows
    own = np.mean((predicted[rows] - share[rows]) ** 2)
    np.testing.assert_allclose(result.history.column("mse")[-1], own, atol=1e-3)


def test_a_comparison_refuses_mixed_links_too():
    counts = RNG.poisson(3, 160).astype(float)
    with pytest.raises(UsageError, match="takes the prediction's logarithm"):
        tfloss.compare(["poisson", "poisson + mse"], (X, counts), seeds=2, epochs=1)
