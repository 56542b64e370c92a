"""Estimators saved with fingerprints of their rows: refused where they saw the holdout."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from tfloss.data import Table, load_dataset, prepare
from tfloss.errors import DataError, UsageError
from tfloss.registry import load_registry
from tfloss.teachers import fit_teachers, rows_of, save_teacher
from tfloss.teachers.fingerprints import Fingerprints

skops = pytest.importorskip("skops.io")
REGISTRY = load_registry()


@pytest.fixture(scope="module")
def table():
    return load_dataset("breast_cancer", REGISTRY)


def forest(table, rows):
    return RandomForestClassifier(10, random_state=0).fit(table.features[rows], table.target[rows])


@pytest.mark.parametrize("scale", ["standard", "robust", "none"])
@pytest.mark.parametrize("shared", [0, 1, 5])
def test_rows_of_the_holdout_are_found_in_a_forest(table, tmp_path, scale, shared):
    data = prepare(table, train_fraction=0.7, scale=scale)
    rows = np.concatenate([data.train.rows, data.holdout.rows[:shared]])
    path = save_teacher(forest(table, rows), tmp_path / "forest.skops", table.features[rows])
    if shared:
        with pytest.raises(DataError, match=f"forest.skops' was fitted on {shared} of the 171"):
            fit_teachers(str(path), data, REGISTRY)
    else:
        notes = fit_teachers(str(path), data, REGISTRY)["teacher"].notes
        assert "is not known" not in " ".join(notes)


def test_rows_that_train_here_too_accuse_nobody(tmp_path):
    """Copies of a row on both sides of the split say nothing about where a teacher saw it."""
    random = np.random.default_rng(0)
    features = random.normal(size=(60, 4))
    features[30:] = features[:30]
    table = Table(features, (features[:, 0] > 0).astype(int), name="twice")
    data = prepare(table, train_size=40)
    fitted = LogisticRegression().fit(table.features[data.train.rows], data.train.codes)
    path = save_teacher(fitted, tmp_path / "fair.skops", table.features[data.train.rows])
    assert "teacher" in fit_teachers(str(path), data, REGISTRY)


def test_a_teacher_that_saw_the_holdout_is_taken_where_that_is_said(table, tmp_path):
    data = prepare(table, train_fraction=0.7)
    path = save_teacher(forest(table, np.arange(569)), tmp_path / "all.skops", table.features)
    with pytest.raises(DataError, match="allow_seen=true"):
        fit_teachers(str(path), data, REGISTRY)
    notes = fit_teachers(f"{path}:allow_seen=true", data, REGISTRY)["teacher"].notes
    assert "may have seen rows of the holdout" in " ".join(notes)


def test_anything_that_reads_skops_reads_it(table, tmp_path):
    fitted = forest(table, np.arange(300))
    path = save_teacher(fitted, tmp_path / "forest.skops", table.features[:300])
    again = skops.load(path, trusted=skops.get_untrusted_types(file=path))
    expected = fitted.predict_proba(table.features)
    np.testing.assert_array_equal(again.predict_proba(table.features), expected)
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_without_fingerprints(table, tmp_path):
    skops.dump(forest(table, np.arange(300)), tmp_path / "forest.skops")
    assert rows_of(tmp_path / "forest.skops") is None


@pytest.mark.parametrize(
    ("estimator", "name", "width", "sentence"),
    [
        (LogisticRegression(), "a.skops", 30, "LogisticRegression to be saved is not fitted"),
        (None, "a.pkl", 30, "call '.*a.pkl' something.skops"),
        (None, "a.skops", 29, r"must be \(n, 30\) with n > 0, but have the shape \(300, 29\)"),
    ],
)
def test_what_is_refused(table, tmp_path, estimator, name, width, sentence):
    estimator = estimator or forest(table, np.arange(300))
    with pytest.raises(UsageError, match=sentence):
        save_teacher(estimator, tmp_path / name, table.features[:300, :width])
    assert not list(tmp_path.iterdir())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.sampled_from([1e-6, 1.0, 1e6]))
def test_scaling_to_float32_and_back_hides_hardly_a_row(seed, width, unit):
    random = np.random.default_rng(seed)
    rows = random.normal(size=(200, width)) * unit + random.normal(size=width) * 10 * unit
    scaler = StandardScaler().fit(rows[:100])
    scaled = scaler.transform(rows).astype(np.float32)
    back = scaled.astype(np.float64) * scaler.scale_ + scaler.mean_
    found = Fingerprints.of(rows[:100]).among(back)
    assert found[:100].sum() >= 98
    # By chance, two rows of two features seldom lie in the same step of both.
    assert found[100:].sum() <= (3 if width == 2 else 0)


def test_rows_that_are_alike_prove_nothing():
    flags = np.random.default_rng(0).integers(0, 2, size=(100, 3)).astype(float)
    assert not Fingerprints.of(flags[:50]).among(flags[50:]).any()


def test_constant_huge_and_missing_values():
    rows = np.array([[5.0, 1e30, np.nan, 0.0], [5.0, -1e30, np.nan, np.nan], [5.0, 0.0, 0.0, 1.0]])
    assert Fingerprints.of(rows).among(rows).all()
    assert not Fingerprints.of(rows[:2]).among(rows[2:]).any()
