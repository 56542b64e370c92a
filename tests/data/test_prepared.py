"""The columns that training gets, against scikit-learn's scaler and encoder."""

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from tfloss.data import Scaler, Table, load_dataset, prepare
from tfloss.data.prepared import arrange
from tfloss.errors import DataError, PluginError, UsageError
from tfloss.registry import Registry, dataset, load_registry


@pytest.fixture
def table():
    random = np.random.default_rng(0)
    target = np.array(["no", "yes"], dtype=object)[np.arange(60) % 2]
    target[7] = None
    extras = {
        "w": random.random(60),
        "rating": np.where(np.arange(60) == 3, np.nan, 1.0),
        "answers": random.random((60, 2)),
    }
    return Table(random.normal(5, 3, (60, 4)), target, columns=extras)


def test_scaling_knows_the_training_rows_only(table):
    data = prepare(table, train_fraction=0.5, seed=1)
    oracle = StandardScaler().fit(table.features[data.train.rows])
    for part in (data.train, data.holdout):
        expected = oracle.transform(table.features[part.rows])
        np.testing.assert_allclose(part.inputs, expected, rtol=1e-6, atol=1e-6)
    again = Scaler.from_values(data.scaler.to_values())
    np.testing.assert_array_equal(again.transform(table.features), oracle.transform(table.features))


def test_columns(table):
    data = prepare(table, train_fraction=0.5, sample_weight="w")
    part = data.train
    for name, width in {"inputs": 4, "labels": 1, "rating": 1, "answers": 2, "w": 1}.items():
        assert part.values[name].shape == (len(part), width)
        assert part.values[name].dtype == np.float32
        assert np.isfinite(part.values[name]).all()
    expected = (table.target[part.rows] == "yes").astype(float)
    np.testing.assert_array_equal(part.labels[:, 0], expected)
    np.testing.assert_array_equal(part.present["labels"], part.rows != 7)
    np.testing.assert_allclose(part.sample_weight, table.columns["w"][part.rows], rtol=1e-6)
    assert "labels" not in data.holdout.present
    side = next(part for part in (data.train, data.holdout) if 3 in part.rows)
    np.testing.assert_array_equal(side.present["rating"], side.rows != 3)
    assert (data.n_features, data.n_outputs, data.classes.names) == (4, 1, ("no", "yes"))


def test_other_rows_in_the_same_columns(table):
    data = prepare(table)
    again = data.arrange(table.with_features(("x3", "x1", "x0", "x2")), data.holdout.rows)
    for name, column in data.holdout.values.items():
        np.testing.assert_array_equal(again.values[name], column)


def test_only_the_columns_asked_for(table):
    assert set(prepare(table, columns=("rating",)).train.values) == {"inputs", "labels", "rating"}
    with pytest.raises(UsageError, match="Did you mean 'rating'"):
        prepare(table, columns=("ratings",))


@pytest.mark.parametrize("weights", [np.full(60, -1.0), np.zeros(60), np.full(60, np.nan)])
def test_weights_that_cannot_be_used(table, weights):
    with pytest.raises(DataError, match="sample weights 'w'"):
        prepare(Table(table.features, table.target, columns={"w": weights}, weight="w"))


def test_one_class_only():
    rows = np.zeros((10, 1))
    with pytest.raises(DataError, match="All training rows of 'data' belong to the class 'a'"):
        prepare(Table(rows, ["a"] * 10))
    with pytest.raises(DataError, match="belong to the class 'a'"):
        prepare(Table(rows, ["a"] * 9 + ["b"]), train_size=1, stratify=False)


def test_no_labels():
    with pytest.raises(DataError, match="No row of 'data' has a label"):
        prepare(Table(np.zeros((3, 1)), None))
    with pytest.raises(DataError, match="No row of 'data' has a label"):
        prepare(Table(np.zeros((3, 1)), None, task="regression"))


def test_regression():
    data = prepare(load_dataset("diabetes", load_registry()))
    assert (data.task, data.classes, data.n_outputs) == ("regression", None, 1)
    assert data.train.labels.shape == (397, 1)


def test_without_scaling(table):
    data = prepare(table, scale="none")
    expected = table.features[data.train.rows].astype(np.float32)
    np.testing.assert_array_equal(data.train.inputs, expected)


@pytest.mark.parametrize("name", ["breast_cancer", "wine", "iris", "digits", "diabetes"])
def test_what_scikit_learn_ships(name):
    from sklearn import datasets

    features, target = getattr(datasets, f"load_{name}")(return_X_y=True)
    table = load_dataset(name, load_registry())
    np.testing.assert_array_equal(table.features, features)
    np.testing.assert_array_equal(table.target, target)


def test_settings_of_a_data_set():
    registry = load_registry()
    assert len(set(load_dataset("digits", registry, n_class=3).target)) == 3
    with pytest.raises(UsageError, match="has no setting 'target'"):
        load_dataset("iris", registry, target="x")
    with pytest.raises(UsageError, match="Did you mean 'breast_cancer'"):
        load_dataset("breast_cancr", registry)


def test_a_loader_that_fails():
    @dataset
    def broken():
        raise KeyError("x")

    @dataset
    def wrong():
        return 3

    registry = Registry().add(broken, wrong)
    with pytest.raises(PluginError, match="KeyError"):
        load_dataset("broken", registry)
    with pytest.raises(PluginError, match="returned a int"):
        load_dataset("wrong", registry)


@pytest.mark.parametrize(
    ("changed", "scale", "words"),
    [
        ({"features": 1e39}, "none", r"feature 'x1' of 'data' is 1e\+39 in row 4 .*float32"),
        ({"features": 1e200}, "standard", r"feature 'x1' of 'data' is .* in row"),
        ({"target": 1e39}, "robust", r"target of 'data' is 1e\+39 in row 4"),
        ({"slope": -np.inf}, "minmax", r"column 'slope' of 'data' is -inf in row 4"),
    ],
)
def test_numbers_that_float32_cannot_hold_are_refused(changed, scale, words):
    values = {name: np.linspace(0, 1, 12) for name in ("features", "target", "slope")}
    for name, value in changed.items():
        values[name][4] = value
    features = np.column_stack([np.arange(12.0), values["features"]])
    extras = {"slope": values["slope"]}
    table = Table(features, values["target"], columns=extras, task="regression")
    with pytest.raises(DataError, match=words):
        prepare(table, scale=scale, train_fraction=1.0)


def test_elements_of_a_wide_column_are_missing_one_by_one():
    wide = np.arange(12.0).reshape(6, 2)
    wide[2, 1] = np.nan
    rows_only = np.where(np.arange(6)[:, None] == 1, np.nan, wide)
    rows_only[2, 1] = 5
    table = Table(
        np.arange(6.0)[:, None], np.arange(6.0), columns={"wide": wide, "rows": rows_only}
    )
    both = arrange(table, classes=None, scaler=None)
    np.testing.assert_array_equal(both.present["wide"], ~np.isnan(wide))
    np.testing.assert_array_equal(both.present["rows"], np.arange(6) != 1)
    assert both.values["wide"][2].tolist() == [4.0, 0.0]
