"""Every scaler is scikit-learn's, saved as plain values, undone, and known by the training rows."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn import preprocessing

from tfloss.data import SCALES, Scaler, load_dataset, prepare
from tfloss.errors import DataError, UsageError
from tfloss.registry import load_registry

SCIKIT_LEARN = {
    "standard": preprocessing.StandardScaler,
    "minmax": preprocessing.MinMaxScaler,
    "maxabs": preprocessing.MaxAbsScaler,
    "robust": preprocessing.RobustScaler,
    "quantile": lambda: preprocessing.QuantileTransformer(n_quantiles=300),
    "power": preprocessing.PowerTransformer,
}
KINDS = sorted(SCIKIT_LEARN)


@pytest.fixture(scope="module")
def rows():
    """Columns of every sort: wide, tiny, skewed, whole numbers with ties, negative, constant."""
    random = np.random.default_rng(3)
    return np.column_stack(
        [
            random.normal(1000, 300, 300),
            random.normal(0, 1e-3, 300),
            random.lognormal(0, 2, 300),
            random.integers(0, 4, 300),
            -random.exponential(5, 300),
            np.full(300, 7.0),
        ]
    )


def test_every_kind_is_tested():
    assert {*KINDS, "none"} == set(SCALES)


@pytest.mark.parametrize("kind", KINDS)
def test_it_scales_as_scikit_learn_does(rows, kind):
    oracle = SCIKIT_LEARN[kind]().fit(rows)
    others = np.random.default_rng(4).normal(0, 3, rows.shape) + rows[:1]
    scaler = Scaler.fit(rows, kind)
    assert scaler.kind == kind
    for some in (rows, others):
        np.testing.assert_allclose(
            scaler.transform(some), oracle.transform(some), rtol=1e-9, atol=1e-9
        )


@pytest.mark.parametrize("kind", KINDS)
def test_it_comes_back_from_json_exactly(rows, kind):
    scaler = Scaler.fit(rows, kind)
    again = Scaler.from_values(json.loads(json.dumps(scaler.to_values())))
    assert type(again) is type(scaler)
    assert again.kind == kind
    np.testing.assert_array_equal(again.transform(rows), scaler.transform(rows))


@pytest.mark.parametrize("kind", KINDS)
def test_the_training_rows_are_restored(rows, kind):
    scaler = Scaler.fit(rows, kind)
    restored = scaler.restore(scaler.transform(rows))
    np.testing.assert_allclose(restored, rows, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if Scaler.fit(np.eye(9), kind).affine])
def test_an_affine_scaler_restores_any_row(rows, kind):
    scaler = Scaler.fit(rows[:50], kind)
    far = rows * 40 - 9
    np.testing.assert_allclose(scaler.restore(scaler.transform(far)), far, rtol=1e-9, atol=1e-9)


def test_weights_count_for_the_standard_scaler(rows):
    weight = np.arange(300.0)
    oracle = preprocessing.StandardScaler().fit(rows, sample_weight=weight)
    ours = Scaler.fit(rows, "standard", weight).transform(rows)
    np.testing.assert_array_equal(ours, oracle.transform(rows))


@pytest.mark.parametrize("kind", SCALES)
def test_prepared_data_know_the_training_rows_only(kind):
    table = load_dataset("breast_cancer", load_registry())
    data = prepare(table, train_size=60, scale=kind, seed=1)
    if kind == "none":
        assert data.scaler is None
        return
    own = Scaler.fit(table.features[data.train.rows], kind)
    for part in (data.train, data.holdout):
        expected = own.transform(table.features[part.rows]).astype(np.float32)
        np.testing.assert_array_equal(part.inputs, expected)


def test_what_is_no_scaling_is_refused(rows):
    with pytest.raises(UsageError, match=r"scale cannot be 'minmx'. Did you mean 'minmax'"):
        Scaler.fit(rows, "minmx")
    table = load_dataset("iris", load_registry())
    for given in (True, False, None):
        with pytest.raises(UsageError, match=f"scale cannot be {given}.*Known: maxabs"):
            prepare(table, scale=given)


def test_another_number_of_columns_is_refused(rows):
    for kind in KINDS:
        scaler = Scaler.fit(rows, kind)
        for method in (scaler.transform, scaler.restore):
            with pytest.raises(DataError, match="have 4 feature columns, but training had 6"):
                method(rows[:, :4])
