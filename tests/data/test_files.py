"""Tables in files."""

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from tfloss.data import load_dataset
from tfloss.errors import DataError, UsageError
from tfloss.registry import load_registry

COLUMNS = {
    "age": [20, 30, 40, 50],
    "size": [1.5, 2.5, 3.5, 4.5],
    "w": [1.0, 2.0, 1.0, 2.0],
    "kind": ["dog", "cat", "", "dog"],
}


def _load(path, **settings):
    return load_dataset(str(path), load_registry(), **settings)


@pytest.fixture(params=["csv", "parquet", "dictionary.parquet", "npz"])
def path(request, tmp_path):
    path = tmp_path / f"my rows.{request.param}"
    table = pa.table(COLUMNS)
    if request.param == "csv":
        csv.write_csv(table, path)
    elif request.param == "npz":
        np.savez(path, **{name: np.array(values) for name, values in COLUMNS.items()})
    else:
        if request.param.startswith("dictionary"):
            encoded = table["kind"].combine_chunks().dictionary_encode()
            table = table.set_column(3, "kind", encoded)
        parquet.write_table(table, path)
    return path


def test_reading(path):
    table = _load(path, target="kind", weight="w")
    assert table.feature_names == ("age", "size")
    np.testing.assert_array_equal(table.features, np.c_[COLUMNS["age"], COLUMNS["size"]])
    assert [label or "" for label in table.target] == COLUMNS["kind"]
    np.testing.assert_array_equal(table.columns["w"], COLUMNS["w"])
    np.testing.assert_array_equal(table.labelled, [True, True, False, True])
    assert (table.name, table.weight, table.task) == (path.name, "w", "classification")


def test_choosing_columns(path):
    table = _load(path, target="kind", features="size", columns=["w", "age"])
    assert table.feature_names == ("size",)
    assert set(table.columns) == {"w", "age"}
    assert not _load(path, features=["age"]).labelled.any()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"target": "kinds"}, "no column 'kinds' for the target. Did you mean 'kind'"),
        ({"target": "age", "weight": "weigth"}, "for the sample weights"),
        ({"target": "kind", "features": "age,siez"}, "Did you mean 'size'"),
        ({"target": "age", "features": "age"}, "cannot be feature and target"),
    ],
)
def test_columns_that_are_not_there(path, settings, sentence):
    with pytest.raises(DataError, match=sentence):
        _load(path, **settings)


def test_a_file_that_is_not_there(path):
    with pytest.raises(DataError, match=r"There is no file .* Did you mean 'my rows"):
        _load(path.with_name("my rovs" + path.name[7:]))
    with pytest.raises(UsageError, match="There is no dataset called"):
        _load(path.with_suffix(".xls"))


@pytest.mark.parametrize("ending", ["csv", "parquet", "npz"])
def test_a_file_that_is_something_else(tmp_path, ending):
    path = tmp_path / f"x.{ending}"
    path.write_bytes(b"\x00\xff not a table")
    with pytest.raises(DataError, match=r"x\.\w+"):
        _load(path, target="a")


@pytest.mark.parametrize("names", [("x", "y"), ("features", "target")])
def test_matrix_and_labels(tmp_path, names):
    features, target = np.random.default_rng(0).random((8, 3)), np.arange(8) % 2
    extra = np.ones((8, 2))
    np.savez(tmp_path / "a.npz", **dict(zip(names, (features, target), strict=True)), soft=extra)
    table = _load(tmp_path / "a.npz", columns="soft")
    np.testing.assert_array_equal(table.features, features)
    np.testing.assert_array_equal(table.target, target)
    assert table.columns["soft"].shape == (8, 2)


def test_pickled_members_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([{}, {}], dtype=object), y=np.arange(2))
    with pytest.raises(DataError, match=r"cannot be read as NPZ.*allow_pickle"):
        _load(tmp_path / "a.npz")


def test_gaps_and_text_in_features(path):
    table = _load(path, target="age")
    assert table.feature_names == ("size", "w", "kind")
    assert table.kinds == {"size": "number", "w": "number", "kind": "category"}
    assert table.levels == {"kind": ("cat", "dog")}
    np.testing.assert_array_equal(table.features[:, 2], [1, 0, np.nan, 1])


@pytest.mark.parametrize("sign", ["\n", "\r", "\r\n"])
def test_a_name_of_two_lines_as_excel_writes_it(sign, tmp_path, registry):
    text = f'"revenue{sign}(USD)",b,y\n1,2,no\n2,1,yes\n3,1,no\n4,5,yes\n'
    (tmp_path / "rows.csv").write_bytes(text.encode())
    table = load_dataset(str(tmp_path / "rows.csv"), registry, target="y")
    assert table.feature_names == (f"revenue{sign}(USD)", "b")
    assert table.features.tolist() == [[1, 2], [2, 1], [3, 1], [4, 5]]
