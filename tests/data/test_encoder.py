"""Gaps and categories, against scikit-learn's own transformers on a table of objects."""

import json

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tfloss.data import Encoder, Scaler, Table, prepare, with_same_inputs
from tfloss.errors import DataError


@pytest.fixture
def rows():
    random = np.random.default_rng(1)
    count = 300
    age = random.normal(40, 10, count)
    age[random.random(count) < 0.2] = np.nan
    size = random.normal(0, 1, count)
    city = random.choice(["Rome", "Oslo", "Lima"], count).astype(object)
    city[random.random(count) < 0.1] = None
    city[:4] = ["Pisa", "Graz", "Pisa", "Bonn"]
    target = np.where(np.nan_to_num(age, nan=50) + 10 * (city == "Rome") > 45, "y", "n")
    return {"age": age, "size": size, "city": city}, target


def _oracle(columns, train):
    matrix = np.column_stack([columns[name].astype(object) for name in ("age", "size", "city")])
    numbers = SimpleImputer(strategy="median", add_indicator=True)
    texts = OneHotEncoder(
        min_frequency=3, handle_unknown="infrequent_if_exist", sparse_output=False
    )
    transformer = ColumnTransformer([("numbers", numbers, [0, 1]), ("texts", texts, [2])])
    return transformer.fit(matrix[train]), matrix


def test_as_scikit_learn_encodes(rows):
    columns, target = rows
    table = Table(columns, target)
    data = prepare(table, scale="none", seed=3)
    oracle, matrix = _oracle(columns, data.train.rows)
    for part in (data.train, data.holdout):
        expected = oracle.transform(matrix[part.rows]).astype(np.float32)
        # scikit-learn sorts None behind text, as here, and has what is rare at the end.
        np.testing.assert_array_equal(part.inputs, expected)
    assert data.feature_names[:3] == ("age", "size", "age missing")
    assert data.feature_names[-2:] == ("city=(missing)", "city=(rare)")


def test_numbers_are_scaled_and_the_others_are_not(rows):
    columns, target = rows
    data = prepare(Table(columns, target), seed=3)
    plain = prepare(Table(columns, target), scale="none", seed=3)
    oracle = StandardScaler().fit(plain.train.inputs[:, :2].astype(np.float64))
    expected = oracle.transform(plain.holdout.inputs[:, :2])
    np.testing.assert_allclose(data.holdout.inputs[:, :2], expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(data.holdout.inputs[:, 2:], plain.holdout.inputs[:, 2:])
    again = Scaler.from_values(json.loads(json.dumps(data.scaler.to_values())))
    encoded = data.encoder.encode(Table(columns, target))
    np.testing.assert_array_equal(again.transform(encoded), data.scaler.transform(encoded))
    np.testing.assert_allclose(again.restore(again.transform(encoded)), encoded, atol=1e-9)


def test_saved_without_a_pickle(rows):
    columns, target = rows
    table = Table(columns, target)
    encoder = prepare(table).encoder
    again = Encoder.from_values(json.loads(json.dumps(encoder.to_values())))
    np.testing.assert_array_equal(again.encode(table), encoder.encode(table))
    assert again.encoded_names == encoder.encoded_names


def test_other_rows(rows):
    columns, target = rows
    data = prepare(Table(columns, target), scale="none")
    other = Table(
        {"city": ["Atlantis", None, "Oslo"], "size": [np.nan, 1, 2], "age": [1, None, 3]}, None
    )
    inputs = dict(zip(data.feature_names, data.inputs_of(other).T, strict=True))
    np.testing.assert_array_equal(inputs["city=(rare)"], [1, 0, 0])
    np.testing.assert_array_equal(inputs["city=(missing)"], [0, 1, 0])
    np.testing.assert_array_equal(inputs["city=Oslo"], [0, 0, 1])
    np.testing.assert_array_equal(inputs["age missing"], [0, 1, 0])
    median = np.median(columns["size"][data.train.rows])
    np.testing.assert_allclose(inputs["size"], [median, 1, 2], rtol=1e-6)


def test_text_where_numbers_were(rows):
    columns, target = rows
    data = prepare(Table(columns, target))
    bad = {name: values[:3] for name, values in columns.items()}
    with pytest.raises(DataError, match=r"'age' of 'data' holds 'old' in row 1 .* fix the column"):
        data.inputs_of(Table({**bad, "age": np.array([None, "old", "new"], object)}, None))
    with pytest.raises(DataError, match="'city' of 'data' holds numbers"):
        data.inputs_of(Table({**bad, "city": [1, 2, 3]}, None))


def test_gaps_where_training_had_none():
    data = prepare(Table(np.arange(20.0).reshape(10, 2), np.arange(10) % 2))
    with pytest.raises(DataError, match=r"'x1' of 'the features' is missing .* in row 1"):
        data.inputs_of(data.table_of([[1, 2], [3, np.nan]]))


def test_features_that_tell_nothing():
    names = [f"n{place}" for place in range(40)]
    nothing = np.full(40, np.nan)
    table = Table({"name": names, "nothing": nothing, "x": np.arange(40.0)}, np.arange(40) % 2)
    data = prepare(table)
    assert data.feature_names == ("x",)
    assert set(data.encoder.left_out) == {"name", "nothing"}
    with pytest.raises(DataError, match="No feature of 'data' can be used: 'nothing' has no value"):
        prepare(Table({"nothing": nothing}, np.arange(40) % 2))


def test_splits_with_the_same_inputs():
    random = np.random.default_rng(0)
    city = random.choice(["a", "b"], 40).astype(object)
    city[:2] = "c"
    table = Table({"x": random.normal(size=40), "city": city}, np.arange(40) % 2)
    splits = [prepare(table, train_size=10, seed=seed) for seed in range(8)]
    assert len({split.feature_names for split in splits}) > 1
    for split, own in zip(with_same_inputs(splits), splits, strict=True):
        assert set(split.feature_names) == {"x", "city=a", "city=b", "city=c"}
        wide = dict(zip(split.feature_names, split.holdout.inputs.T, strict=True))
        narrow = dict(zip(own.feature_names, own.holdout.inputs.T, strict=True))
        for name, column in wide.items():
            np.testing.assert_array_equal(column, narrow.get(name, np.zeros(len(column))))
    assert with_same_inputs(splits[:1])[0] is splits[0]
