"""One small file per difficulty, in `tables/`: read as it is meant, or refused with the cell."""

from pathlib import Path

import numpy as np
import pytest

from tfloss.data import load_dataset, prepare, understood
from tfloss.errors import DataError, UsageError
from tfloss.registry import load_registry

TABLES = Path(__file__).parent / "tables"


def _load(name, **settings):
    return load_dataset(str(TABLES / name), load_registry(), **settings)


def _row(table, row):
    """A row's cells: texts of categories, numbers of the rest."""
    return [
        table.levels[name][int(value)] if name in table.levels and value == value else value
        for name, value in zip(table.feature_names, table.features[row], strict=True)
    ]


READ = {
    "european.csv": ({"target": "art"}, ["größe", "preis"], [None, 1037.5]),
    "latin.csv": ({"target": "art", "encoding": "latin-1"}, ["größe"], [1]),
    "no_header.csv": ({"target": "x2", "header": False}, ["x0", "x1"], [None, 1]),
    "spaces.data": ({}, ["x0", "x1", "x2"], [1, None, "car  b"]),
    "tabs.tsv": ({"target": "kind"}, ["a", "b"], [1, 1]),
    "packed.csv.gz": ({"target": "kind"}, ["a", "b"], [1, 1]),
    "question_marks.csv": ({"target": "origin"}, ["horsepower", "mpg"], [61, 29.5]),
    "doubtful.csv": (
        {"target": "kind", "drop": "when", "categories": ["size", "price"]},
        ["size", "price"],
        ["1", "1.5"],
    ),
    "thousands.csv": ({"target": "kind", "decimal": "."}, ["a", "price"], [1, 2101]),
    "american_dates.csv": (
        {"target": "kind"},
        ["day"],
        [(np.datetime64("2021-02-02") - np.datetime64("1970-01-01")).astype(int)],
    ),
    "coded.csv": ({"target": "kind", "categories": "zip"}, ["zip", "x"], ["20100", 1]),
    "empty_column.csv": ({"target": "kind"}, ["a", "nothing"], [1, np.nan]),
    "whole_target.csv": ({"target": "rings", "task": "regression"}, ["x", "w"], [1, 2]),
    "mixed.csv": ({"target": "answer", "drop": "id,name"}, None, None),
}
REFUSED = {
    "latin.csv": ({}, "cannot be read as UTF-8; say how its text is encoded"),
    "no_header.csv": ({}, r"no header: its first line holds '-0.2' .* say --no-header"),
    "doubtful.csv": (
        {"target": "kind"},
        r"(?s)has 3 columns .*'size' holds '12a' in row 5 .*'price' holds 'free' in row 9 "
        r".*'when' holds '01/01/2020' in row 0 .*--drop 'size,price,when'",
    ),
    "thousands.csv": ({"target": "kind"}, r"'price' .* holds '1,100' in row 0 .*--decimal"),
    "twice.csv": ({"target": "kind"}, "more than one column called 'a'"),
    "ragged.csv": ({"target": "kind"}, "Expected 3 columns, got 4"),
}


@pytest.mark.parametrize("name", READ)
def test_read_as_it_is_meant(name):
    settings, names, second = READ[name]
    table = _load(name, **settings)
    if names is None:
        return
    assert list(table.feature_names) == names
    for cell, expected in zip(_row(table, 1), second, strict=True):
        if expected is not None:
            assert cell == expected or (cell != cell and expected != expected)


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_cell(name):
    settings, sentence = REFUSED[name]
    with pytest.raises(DataError, match=sentence):
        _load(name, **settings)


def test_every_file_is_read_or_refused():
    assert {path.name for path in TABLES.iterdir()} == {*READ, *REFUSED}


def test_what_pandas_reads():
    """The same cells as pandas finds, where it reads the file without help."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(TABLES / "mixed.csv", parse_dates=["day"])
    table = _load("mixed.csv", target="answer")
    for place, name in enumerate(table.feature_names):
        column = table.features[:, place]
        if name in table.levels:
            texts = np.array([*table.levels[name], None], dtype=object)
            ours = texts[np.where(np.isnan(column), len(texts) - 1, column).astype(int)]
            np.testing.assert_array_equal(frame[name].isna(), [text is None for text in ours])
            there = frame[name].notna()
            assert frame[name][there].tolist() == ours[there].tolist()
        elif name == "day":
            expected = (frame[name] - pandas.Timestamp(0)).dt.days
            np.testing.assert_array_equal(column, expected)
        else:
            np.testing.assert_array_equal(column, frame[name].to_numpy(np.float64))


def test_a_frame_is_a_table():
    pandas = pytest.importorskip("pandas")
    import tfloss

    frame = pandas.read_csv(TABLES / "mixed.csv", parse_dates=["day"])
    frame["deck"] = frame["deck"].astype("category")
    frame["age"] = frame["age"].astype("Int64")
    ours = tfloss.load_data(TABLES / "mixed.csv", target="answer", drop="id")
    for data in (
        tfloss.load_data(frame, target="answer", drop="id"),
        tfloss.load_data((frame.drop(columns=["id", "answer"]), frame["answer"])),
    ):
        assert data.feature_names == ours.feature_names
        np.testing.assert_array_equal(data.train.inputs, ours.train.inputs)
    with pytest.raises(DataError, match="Did you mean 'answer'"):
        tfloss.load_data(frame, target="anser")


def test_what_was_understood():
    data = prepare(_load("mixed.csv", target="answer", drop="id"))
    lines = dict(understood(data))
    assert lines["rows"] == "108 train, 12 are held out"
    assert lines["features"].startswith("2 numbers, 1 boolean, 1 date, in days, 3 categories")
    assert "age (23 by 4" in lines["gaps filled"]
    assert "marked" in lines["gaps filled"]
    assert lines["left out"].startswith("'name' is text with 108 different values")
    assert lines["2 classes"].startswith("no ")
    assert lines["task"] == "classification"
    assert "city (3 columns)" in lines["categories"]


def test_separators_that_cannot_be():
    with pytest.raises(UsageError, match=r"separator of .* cannot be 'comma and'"):
        _load("tabs.tsv", separator="comma and")
    with pytest.raises(UsageError, match="decimal sign cannot be '_'"):
        _load("tabs.tsv", decimal="_")
    with pytest.raises(UsageError, match="no encoding 'utf-9'"):
        _load("tabs.tsv", encoding="utf-9")


def test_keras_layout(tmp_path):
    random = np.random.default_rng(0)
    x, y = random.random((12, 4, 4)), np.arange(12) % 3
    np.savez(tmp_path / "k.npz", x_train=x[:9], y_train=y[:9], x_test=x[9:], y_test=y[9:])
    table = load_dataset(str(tmp_path / "k.npz"), load_registry())
    np.testing.assert_array_equal(table.features, x.reshape(12, 16))
    np.testing.assert_array_equal(table.target, y)
    assert "9 rows of x_train and 3 rows of x_test are one table" in table.notes[0]


def test_feather(tmp_path):
    import pyarrow as pa
    from pyarrow import feather

    feather.write_feather(pa.table({"a": [1, 2], "y": ["u", "v"]}), tmp_path / "a.feather")
    table = load_dataset(str(tmp_path / "a.feather"), load_registry(), target="y")
    np.testing.assert_array_equal(table.features, [[1], [2]])


def test_features_of_a_registered_data_set():
    table = load_dataset("iris", load_registry(), drop="petal width (cm)", task="regression")
    assert len(table.feature_names) == 3
    assert table.task == "regression"
    with pytest.raises(DataError, match=r"Did you mean 'petal width \(cm\)'"):
        load_dataset("iris", load_registry(), drop="petal with (cm)")
