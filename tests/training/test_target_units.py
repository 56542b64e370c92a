"""Quantities: their unit, the task that a loss is about, logarithms, and what a constant does."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import PoissonRegressor

import tfloss
from tfloss.errors import UsageError
from tfloss.runs.folder import read_run
from tfloss.sklearn import DistilledRegressor


@pytest.fixture(scope="module")
def diabetes():
    return load_diabetes(return_X_y=True)


def test_a_student_starts_at_the_targets_mean(diabetes):
    """Whatever the unit; half a deviation is what an untrained network differs by at most."""
    features, target = diabetes
    for factor in (1.0, 1e5, 1e-4):
        data = tfloss.load_data((features, target * factor), task="regression")
        student = tfloss.fit("mse + 0*l2", data, epochs=1, optimizer="sgd:learning_rate=1e-30")
        predicted = student.predict(features)
        assert abs(predicted.mean() - factor * target.mean()) < factor * target.std()
        assert np.isfinite(student.history.column("total")).all()


def test_the_unit_changes_nothing_but_the_unit(diabetes):
    features, target = diabetes
    found = [
        tfloss.fit("mse", tfloss.load_data((features, target * unit), task="regression"), epochs=20)
        for unit in (1.0, 1024.0)
    ]
    one, other = (result.predict(features) for result in found)
    np.testing.assert_allclose(one * 1024, other, rtol=1e-3)
    assert found[0].scores["student on holdout"]["r2"] > 0.1


def test_without_it_a_student_is_worse_than_a_constant_and_that_is_said(diabetes):
    data = tfloss.load_data(diabetes, task="regression")
    result = tfloss.fit("mse", data, epochs=2, scale_target=False)
    [line] = result.events
    constant = np.mean((data.holdout.labels - data.train.labels.mean()) ** 2)
    assert "no better on the holdout than a constant prediction" in line
    assert f"against {constant:.4g}" in line
    assert not tfloss.fit("mse", data, epochs=20).events


def test_compare_calls_nothing_better_among_such(diabetes):
    result = tfloss.compare(
        ["mse", "mse + 1e-3*l2", "10*mse"],
        diabetes,
        task="regression",
        scale_target=False,
        seeds=4,
        epochs=2,
    )
    words = str(result)
    assert "nothing is better" in words
    assert not any(": better by" in line or ": worse by" in line for line in words.splitlines())
    assert "'mse' is no better on the holdouts than a constant prediction." in words


def test_a_replicate_has_the_units_of_its_seed(diabetes):
    options = {"task": "regression", "epochs": 3, "train_size": 100}
    result = tfloss.compare(["mse", "mae"], diabetes, seeds=4, seed=3, **options)
    data = tfloss.load_data(diabetes, task="regression", train_size=100, seed=5)
    alone = tfloss.fit("mse", data, epochs=3, seed=5)
    rows = [row for row in result.rows() if (row["formula"], row["seed"]) == ("mse", 5)]
    mse = alone.scores["student on holdout"]["mean_squared_error"]
    np.testing.assert_allclose(rows[-1]["mean_squared_error"], mse, rtol=1e-4)


def _whole(rows=90):
    random = np.random.default_rng(0)
    features = random.normal(size=(rows, 2))
    return features, np.round(5 + 2 * features[:, 0]).astype(int)


@pytest.mark.parametrize(
    ("formula", "task", "expected"),
    [
        ("mse", None, "regression"),
        ("mae + 1e-3*l2", None, "regression"),
        ("poisson", None, "regression"),
        ("huber(delta=2.0)", None, "regression"),
        ("ce", None, "classification"),
        ("mse", "classification", "classification"),
    ],
)
def test_the_task_follows_the_loss(formula, task, expected, tmp_path):
    features, target = _whole()
    target = np.abs(target)
    options = {} if task is None else {"task": task}
    data = tfloss.load_data((features, target), **options)
    result = tfloss.fit(formula, data, epochs=1)
    assert result.data.task == expected
    if expected == "regression":
        np.testing.assert_array_equal(result.data.train.labels[:, 0], target[data.train.rows])
        assert result.predict(features).shape == (90, 1)


def test_from_a_file_too(tmp_path):
    from tests.cli.running import tfloss as run
    from tests.data.test_difficult_tables import TABLES

    command = ("train", "--data", TABLES / "whole_target.csv", "--target", "rings")
    answer = run(*command, "--loss", "mse", "--epochs", "2", "--runs", tmp_path)
    assert answer.code == 0, answer.err
    assert "regression" in answer.err
    assert "by the loss" in answer.err
    assert read_run(tmp_path / "whole_target-1").task == "regression"
    answer = run(*command, "--loss", "poisson", "--task", "classification", "--runs", tmp_path)
    assert answer.code == 2
    assert "'poisson' is about quantities" in answer.err


def test_what_cannot_be_meant_is_refused():
    features, target = _whole()
    data = tfloss.load_data((features, target / 10.0 + 20), task="regression")
    with pytest.raises(UsageError, match="'bce' is about classes"):
        tfloss.fit("bce", data, epochs=1)
    with pytest.raises(UsageError, match=r"write exp\(prediction\) in 'mse'"):
        tfloss.fit("poisson + mse", data, epochs=1)
    tfloss.fit("poisson + 0.1*mse(labels, exp(prediction))", data, epochs=1)
    below = tfloss.load_data((features, target - 20.5), task="regression")
    with pytest.raises(UsageError, match="of 0 or more, but the target of 'data' goes down to"):
        tfloss.fit("tweedie", below, epochs=1)


def test_bce_on_several_classes_says_what_it_does():
    from sklearn.datasets import load_iris

    data = tfloss.load_data(load_iris(return_X_y=True))
    [line] = tfloss.fit("bce", data, epochs=1).events
    assert line.startswith("'bce' on 3 classes asks about each class by itself")
    assert not tfloss.fit("ce", data, epochs=1).events


@pytest.fixture(scope="module")
def counts():
    random = np.random.default_rng(1)
    features = random.normal(size=(400, 3))
    return features, random.poisson(np.exp(8 + 0.4 * features[:, 0])).astype(float)


@pytest.mark.parametrize("formula", ["poisson", "tweedie(power=1.5)"])
def test_logarithms_are_predicted_in_the_targets_unit(counts, formula, tmp_path):
    """Counts in the thousands, from the first step to an exported model."""
    import keras

    features, target = counts
    data = tfloss.load_data(counts, task="regression")
    result = tfloss.fit(formula, data, epochs=30)
    assert np.isfinite(result.history.column("total")).all()
    predicted = result.predict(features)[:, 0]
    glm = PoissonRegressor(alpha=0, max_iter=1000).fit(features, target).predict(features)
    assert np.corrcoef(predicted, glm)[0, 1] > 0.8
    np.testing.assert_allclose(predicted.mean(), target.mean(), rtol=0.1)
    mse = np.mean((predicted[data.holdout.rows] - target[data.holdout.rows]) ** 2)
    score = result.scores["student on holdout"]["mean_squared_error"]
    np.testing.assert_allclose(score, mse, rtol=1e-5)
    tfloss.export(result, tmp_path / "m.keras", with_scaler=True)
    exported = keras.models.load_model(tmp_path / "m.keras")(features.astype(np.float32))
    np.testing.assert_allclose(np.asarray(exported)[:, 0], predicted, rtol=1e-4)


def test_logarithms_in_comparisons_and_estimators(counts):
    import pickle

    result = tfloss.compare(["mse", "poisson"], counts, task="regression", seeds=2, epochs=20)
    rows = result.values["tables"][-1]["rows"]
    mse = {r["formula"]: r["mean"]["mean"] for r in rows if r["metric"] == "mean_squared_error"}
    spread = counts[1].var()
    assert mse["poisson"] < spread
    assert mse["mse"] < spread
    model = DistilledRegressor("poisson", epochs=30, random_state=0).fit(*counts)
    assert model.score(*counts) > 0.5
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_allclose(again.predict(counts[0]), model.predict(counts[0]), rtol=1e-6)
