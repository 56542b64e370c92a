"""What a table accepts, and what it says about what it does not."""

import numpy as np
import pytest

from tfloss.data import Classes, Table
from tfloss.errors import DataError

X = np.arange(12.0).reshape(6, 2)
Y = np.array([0, 1, 0, 1, 0, 1])


def test_lists_become_arrays():
    table = Table([[1, 2], [3, 4]], ["b", "a"])
    assert table.features.dtype == np.float64
    assert table.feature_names == ("x0", "x1")
    assert table.task == "classification"


@pytest.mark.parametrize("kind", ["M8[D]", "complex", "S"])
def test_labels_are_text_or_numbers(kind):
    days = np.array(["2020-01-01", "2021-01-01"] * 3)
    target = (np.arange(6) % 2 if kind == "complex" else days).astype(kind)
    with pytest.raises(DataError, match="turn the labels into text or numbers"):
        Classes.of(target)


def test_rows_of_different_lengths_are_no_array():
    with pytest.raises(DataError, match="features of 'data' are no array"):
        Table([[1, 2], [3]], [0, 1])


@pytest.mark.parametrize(
    ("target", "task"),
    [
        (["a", "b", "a", "c", "b", "a"], "classification"),
        ([True, False, True, False, True, True], "classification"),
        ([7, 3, 7, 3, 9, 9], "classification"),
        ([1.0, 2.0, np.nan, 1.0, 2.0, 1.0], "classification"),
        ([1.5, 2.0, 3.0, 1.0, 2.0, 1.0], "regression"),
        (["a", None, "a", "", "b", "a"], "classification"),
    ],
)
def test_the_task_is_guessed(target, task):
    assert Table(X, target).task == task


def test_many_whole_numbers_are_a_quantity():
    rows = np.zeros((500, 1))
    assert Table(rows, np.arange(500)).task == "regression"
    assert Table(rows, np.arange(500), task="classification").task == "classification"


@pytest.mark.parametrize(
    ("target", "labelled"),
    [
        (np.array(["a", "", "b", " ", "a", "b"]), [1, 0, 1, 0, 1, 1]),
        (np.array(["a", None, "b", np.nan, "a", "b"], dtype=object), [1, 0, 1, 0, 1, 1]),
        (np.array([1.0, np.nan, 0.0, 1.0, 0.0, 1.0]), [1, 0, 1, 1, 1, 1]),
        (None, [0] * 6),
    ],
)
def test_missing_labels(target, labelled):
    np.testing.assert_array_equal(Table(X, target).labelled, np.array(labelled, bool))


def _with(value, dtype=float):
    features = X.astype(dtype)
    features[3, 1] = value
    return features


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"features": _with(np.inf)}, "feature 'b' of 'data' is infinite in row 3"),
        ({"features": _with("red", object)}, "feature 'b' of 'data' holds 'red' in row 3"),
        ({"features": X[:0], "target": Y[:0]}, "no rows"),
        ({"features": X[:, :0], "feature_names": ()}, "no feature columns"),
        ({"features": X[0]}, "one row per example"),
        ({"target": Y[:4]}, "target of 'data' has 4 rows, but the features have 6"),
        ({"target": np.array([1, 2, np.inf, 0.5, 1, 1])}, "infinite in row 2"),
        ({"target": np.zeros((6, 2, 2))}, "one value per row"),
        ({"columns": {"w": Y[:3]}}, "column 'w' of 'data' has 3 rows"),
        ({"columns": {"w": np.array(list("abcdef"))}}, "other than numbers"),
        ({"feature_names": ("a",)}, "2 feature columns but 1 feature names"),
        ({"feature_names": ("a", "a")}, "more than one feature column called 'a'"),
        ({"weight": "w"}, "has no column 'w'"),
        ({"task": "guess"}, "say 'classification' or 'regression'"),
    ],
)
def test_what_cannot_be_used(arguments, sentence):
    with pytest.raises(DataError, match=sentence):
        Table(**{"features": X, "target": Y, "feature_names": ("a", "b"), **arguments})


def test_gaps_are_nan():
    for gap in (np.nan, None, ""):
        table = Table(_with(gap, object), Y)
        assert np.argwhere(np.isnan(table.features)).tolist() == [[3, 1]]


def test_columns_by_name():
    table = Table(X, Y, ("age", "height")).with_features(("height", "age"))
    np.testing.assert_array_equal(table.features, X[:, ::-1])
    with pytest.raises(DataError, match="Did you mean 'height'"):
        table.with_features(("heigth",))


@pytest.mark.parametrize(
    ("target", "names"),
    [
        (np.array(["zebra", "Ant", "ant", "10", "9"]), ("10", "9", "Ant", "ant", "zebra")),
        (np.array([40, -3, 7, 7, 40]), ("-3", "7", "40")),
        (np.array([2.0, np.nan, 1.0, 2.0, 1.0]), ("1", "2")),
        (np.array([True, False, True, True, True]), ("False", "True")),
        (np.array(["b", None, "a", "", "a"], dtype=object), ("a", "b")),
    ],
)
def test_classes_are_ordered_as_by_scikit_learn(target, names):
    from sklearn.preprocessing import LabelEncoder

    classes = Classes.of(target)
    assert classes.names == names
    codes = classes.encode(target)
    there = codes >= 0
    np.testing.assert_array_equal(codes[there], LabelEncoder().fit_transform(target[there]))
    np.testing.assert_array_equal(classes.decode(codes[there]), target[there])


def test_one_hot():
    from sklearn.preprocessing import label_binarize

    for count in (2, 3):
        classes = Classes.of(np.arange(count))
        codes = np.array([1, 0, count - 1, 0])
        expected = label_binarize(codes, classes=range(count))
        np.testing.assert_array_equal(classes.one_hot(codes), expected)
    assert not Classes.of(np.arange(3)).one_hot(np.array([-1])).any()


def test_a_label_that_is_no_class():
    with pytest.raises(DataError, match=r"label 'benin' in row 1 .* Did you mean 'benign'"):
        Classes.of(np.array(["benign", "malignant"])).encode(np.array(["benign", "benin"]))


def test_labels_without_an_order():
    with pytest.raises(DataError, match="mixes int, str"):
        Classes.of(np.array([1, "a"], dtype=object))
