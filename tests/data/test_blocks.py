"""Large tables a block at a time: the same numbers, and memory in proportion to the data."""

import tracemalloc

import numpy as np
import pytest
from sklearn import preprocessing
from sklearn.impute import SimpleImputer

from tfloss.data import SCALES, Scaler, Table, blocks, prepare
from tfloss.data.blocks import TakenRows, column_blocks, row_blocks, taken
from tfloss.errors import DataError

RNG = np.random.default_rng(0)
X = RNG.normal(3, 2, (300, 41)).astype(np.float32)
Y = np.array(["no", "yes"])[(X[:, 0] > 3).astype(int)]


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of a few rows, and of sixteen columns."""
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 2**12)
    monkeypatch.setattr(blocks, "_COPIED", 0)


@pytest.mark.parametrize("columns", [1, 2, 16, 17, 33, 41])
def test_blocks_are_all_of_it_and_no_column_stands_alone(columns, small_blocks):
    found = column_blocks(300, columns)
    assert np.concatenate([np.arange(columns)[b] for b in found]).tolist() == [*range(columns)]
    assert columns == 1 or min(b.stop - b.start for b in found) > 1
    rows = np.concatenate([np.arange(300)[block] for block in row_blocks(300, columns)])
    assert rows.tolist() == [*range(300)]
    assert list(row_blocks(0, columns)) == [slice(0, 0)]


@pytest.mark.parametrize("kind", [kind for kind in SCALES if kind != "none"])
def test_scalers_by_columns_are_those_of_all_columns(kind, small_blocks):
    rows = RNG.permutation(300)[:200]
    ours = Scaler.fit(X, kind, rows=rows).transform(X)
    theirs = {
        "standard": preprocessing.StandardScaler(),
        "minmax": preprocessing.MinMaxScaler(),
        "maxabs": preprocessing.MaxAbsScaler(),
        "robust": preprocessing.RobustScaler(),
        "quantile": preprocessing.QuantileTransformer(n_quantiles=200, subsample=None),
        "power": preprocessing.PowerTransformer(),
    }[kind].fit(X[rows].astype(np.float64))
    expected = theirs.transform(X.astype(np.float64))
    np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-9)


def test_the_mean_of_a_column_does_not_depend_on_the_block(small_blocks):
    """To the last digit, at a length at which numpy's sums differ."""
    x = RNG.normal(1e3, 1, (5_000, 49))
    oracle = preprocessing.StandardScaler().fit(x)
    ours = Scaler.fit(x)
    np.testing.assert_array_equal(ours.center, oracle.mean_)
    np.testing.assert_array_equal(ours.scale, oracle.scale_)


def tables():
    gaps = X.astype(np.float64)
    gaps[RNG.random(gaps.shape) < 0.1] = np.nan
    text = {f"x{n}": column for n, column in enumerate(gaps.T)}
    text["city"] = RNG.choice(["Rome", "Oslo", "Lima", "Graz"], 300).astype(object)
    text["name"] = np.array([f"n{n % 40}" for n in range(300)], object)
    return {"float32": X, "float64": X.astype(np.float64), "gaps": gaps, "text": text}


@pytest.mark.parametrize("kind", list(tables()))
def test_prepared_in_blocks_is_prepared(kind, monkeypatch):
    features = tables()[kind]
    embed = "name" if kind == "text" else ()
    whole = prepare(Table(features, Y), seed=1, embed=embed)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 2**12)
    monkeypatch.setattr(blocks, "_COPIED", 0)
    again = prepare(Table(features, Y), seed=1, embed=embed)
    for own, other in ((whole.train, again.train), (whole.holdout, again.holdout)):
        np.testing.assert_array_equal(own.inputs, other.inputs)
        np.testing.assert_array_equal(own.labels, other.labels)
        np.testing.assert_array_equal(own.features, np.asarray(other.features))
        part = own.at(np.array([3, 1])), other.at(np.array([3, 1]))
        np.testing.assert_array_equal(part[0].features, np.asarray(part[1].features))
    other = Table(features, None)
    np.testing.assert_array_equal(whole.inputs_of(other), again.inputs_of(other))
    if kind == "gaps":
        oracle = SimpleImputer(strategy="median").fit(features[whole.train.rows])
        np.testing.assert_array_equal([*again.encoder.fill.values()], oracle.statistics_)


def test_errors_name_the_row_of_the_table(small_blocks):
    far = X.astype(np.float64)
    far[250, 3] = 1e39
    with pytest.raises(DataError, match=r"feature 'x3' of 'data' is 1e\+39 in row 250"):
        prepare(Table(far, Y), scale="none")
    data = prepare(Table(X, Y))
    gap = X.astype(np.float64)
    gap[277, 5] = np.nan
    with pytest.raises(DataError, match=r"feature 'x5' of 'data' is missing \(NaN\) in row 277"):
        data.inputs_of(Table(gap, None))


def test_rows_that_are_taken_later():
    rows = np.array([5, 2, 2, 9])
    later = TakenRows(X, rows)
    expected = X[rows].astype(np.float64)
    assert (later.shape, later.ndim, len(later), later.dtype) == ((4, 41), 2, 4, np.float64)
    np.testing.assert_array_equal(np.asarray(later), expected)
    np.testing.assert_array_equal(later[1:3], expected[1:3])
    np.testing.assert_array_equal(later[:, [4, 0]], expected[:, [4, 0]])
    np.testing.assert_array_equal(np.asarray(later.at(np.array([3, 0]))), expected[[3, 0]])
    np.testing.assert_array_equal(np.concatenate([later[:2], later[:1]]), expected[[0, 1, 0]])
    assert isinstance(taken(X, rows), np.ndarray)  # small: nobody can change them


def test_rows_that_changed_meanwhile_are_refused():
    """`x /= 255` after load_data would give a teacher other rows than the student."""
    x = X.copy()
    later = TakenRows(x, np.arange(300)).at(np.array([1, 2]))
    x /= 255
    with pytest.raises(DataError, match="changed in place after the data were loaded"):
        later[:1]


def test_a_matrix_of_float32_is_not_copied():
    assert np.shares_memory(Table(X, Y).features, X)
    gap = X.copy()
    gap[0, 0] = np.nan
    assert Table(gap, Y).features.dtype == np.float64
    same = Table(X, Y)
    assert same.with_features(same.feature_names) is same


def test_memory_grows_by_what_is_kept(monkeypatch):
    """The scaled rows, in float32, and little else: 1.2 times the data."""
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 2**20)
    x = RNG.standard_normal((20_000, 300), dtype=np.float32)
    y = (x[:, 0] > 0).astype(int)
    tracemalloc.start()
    try:
        data = prepare(Table(x, y))
        kept, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(data.train) + len(data.holdout) == 20_000
    assert kept < 1.2 * x.nbytes
    assert most < 1.6 * x.nbytes


def test_a_hundred_names_are_enough_to_find_a_double():
    names = [f"n{number}" for number in range(40)] + ["n7"]
    with pytest.raises(DataError, match="more than one feature column called 'n7'"):
        Table(X, Y, names)
