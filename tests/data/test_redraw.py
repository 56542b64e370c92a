"""Rows drawn with replacement, and leaks: what they do, and that they do no more."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import tfloss
from tests.teachers.spies import Spy
from tfloss.data import Table, load_dataset, prepare
from tfloss.errors import UsageError
from tfloss.registry import load_registry
from tfloss.teachers import fit_teachers

REGISTRY = load_registry()


@pytest.fixture(scope="module")
def table():
    return load_dataset("breast_cancer", REGISTRY)


def labels(data):
    return np.bincount(data.train.codes), np.bincount(data.holdout.codes, minlength=2)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(14, 60),
    share=st.floats(0.3, 0.8),
    unlabelled=st.integers(0, 6),
    overlap=st.booleans(),
    bootstrap=st.booleans(),
    seed=st.integers(0, 2**31 - 1),
)
def test_sizes_and_classes_stay(rows, share, unlabelled, overlap, bootstrap, seed):
    target = np.array(["no", "yes", "no"], dtype=object)[np.arange(rows) % 3]
    target[:unlabelled] = None
    table = Table(np.arange(rows, dtype=float)[:, None], target)
    honest = prepare(table, train_fraction=share, seed=seed)
    leak = ["overlap"] if overlap else []
    drawn = prepare(table, train_fraction=share, seed=seed, bootstrap=bootstrap, leak=leak)
    np.testing.assert_array_equal(drawn.train.codes, honest.train.codes)
    assert len(drawn.holdout) == len(honest.holdout)
    assert drawn.holdout.labelled.all()
    assert len(set(drawn.holdout.rows)) == len(drawn.holdout)
    if not overlap:
        assert not set(drawn.holdout.rows) & set(drawn.train.rows)
    if not bootstrap:
        np.testing.assert_array_equal(drawn.train.rows, honest.train.rows)
    again = prepare(table, train_fraction=share, seed=seed, bootstrap=bootstrap, leak=leak)
    np.testing.assert_array_equal(again.train.rows, drawn.train.rows)
    np.testing.assert_array_equal(again.holdout.rows, drawn.holdout.rows)


def test_a_bootstrap_holds_as_many_different_rows_as_it_should(table):
    # Of n draws from n rows, 1 - (1 - 1/n)^n are different; here 400 from 569, class by class.
    shares = []
    for seed in range(40):
        data = prepare(table, train_size=400, bootstrap=True, seed=seed)
        shares.append(len(set(data.train.rows)) / 400)
    counts = {code: np.sum(table.target == code) for code in (0, 1)}
    drawn = np.bincount(data.train.codes)
    expected = sum(n * (1 - (1 - 1 / n) ** drawn[code]) for code, n in counts.items()) / 400
    assert np.mean(shares) == pytest.approx(expected, abs=0.01)


def test_overlap_is_as_large_as_chance_makes_it(table):
    seen = []
    for seed in range(40):
        data = prepare(table, train_size=200, leak=["overlap"], seed=seed)
        seen.append(np.isin(data.holdout.rows, data.train.rows).mean())
    assert np.mean(seen) == pytest.approx(200 / 569, abs=0.02)


def test_scaling_knows_all_rows(table):
    data = prepare(table, train_size=20, leak=["scaling"])
    oracle = StandardScaler().fit(table.features)
    expected = oracle.transform(table.features[data.train.rows])
    np.testing.assert_allclose(data.train.inputs, expected, rtol=1e-5, atol=1e-5)
    honest = prepare(table, train_size=20)
    np.testing.assert_array_equal(data.holdout.rows, honest.holdout.rows)
    assert np.abs(data.train.inputs - honest.train.inputs).max() > 0.1


def test_regression():
    quantity = load_dataset("diabetes", REGISTRY)
    data = prepare(quantity, train_size=100, bootstrap=True)
    assert len(data.train) == 100 > len(set(data.train.rows))
    assert not set(data.holdout.rows) & set(data.train.rows)


def test_copies_of_a_row_are_answered_by_a_model_that_saw_none(table):
    Spy.forget()
    data = prepare(table, train_size=120, bootstrap=True)
    teacher = fit_teachers(Spy(), data, REGISTRY)["teacher"]
    assert (teacher.origin, len(set(data.train.rows)) < 120) == ("cross", True)
    fitted_on, asked_about = (
        [{row.tobytes() for row in rows} for rows in sides]
        for sides in ([rows for rows, _ in Spy.fitted_on], Spy.asked_about)
    )
    for seen, asked in zip(fitted_on[1:], asked_about[2:], strict=True):
        assert not seen & asked


def test_copies_in_regression():
    data = prepare(load_dataset("diabetes", REGISTRY), train_size=120, bootstrap=True)
    nearest = "KNeighborsRegressor:n_neighbors=1"  # repeats what it has seen
    answers = fit_teachers(nearest, data, REGISTRY, fit="cross")["teacher"].predictions_train
    values, counts = np.unique(data.train.rows, return_counts=True)
    copied = np.isin(data.train.rows, values[counts > 1])
    assert copied.sum() > 10
    assert np.mean(answers[copied] == data.train.labels[copied]) < 0.2


def test_a_leak_is_said():
    with pytest.warns(UserWarning, match="not honest: the holdout is drawn from all rows"):
        data = tfloss.load_data("wine", leak=["overlap"])
    assert data.leaks == ("overlap",)
    with pytest.raises(UsageError, match=r"no leak 'scalling'; .* Did you mean 'scaling'"):
        tfloss.load_data("wine", leak=["scalling"])


def test_the_articles_own_rows(table):
    """`seed(666)`, one draw of all rows with replacement; the first train, the last test."""
    np.random.seed(666)
    drawn = np.random.randint(569, size=569)
    options = {"stratify": False, "bootstrap": True, "leak": ["overlap", "scaling"], "seed": 666}
    data = prepare(table, train_size=5, test_size=100, scale="minmax", **options)
    np.testing.assert_array_equal(data.train.rows, drawn[: int(569 * 0.01)])
    np.testing.assert_array_equal(data.holdout.rows, drawn[569 - 100 :])
    oracle = MinMaxScaler().fit_transform(table.features)
    np.testing.assert_allclose(data.train.inputs, oracle[data.train.rows], atol=1e-7)
    np.testing.assert_allclose(data.holdout.inputs, oracle[data.holdout.rows], atol=1e-7)
    base = prepare(table, train_fraction=0.9, **options)
    np.testing.assert_array_equal(base.train.rows, drawn[: int(569 * 0.9)])
    np.testing.assert_array_equal(base.holdout.rows, drawn[int(569 * 0.9) :])


def test_without_classes_kept_a_bootstrap_holds_out_what_it_never_drew(table):
    options = {"stratify": False, "bootstrap": True, "train_fraction": 0.5, "seed": 3}
    data = prepare(table, **options)
    assert (len(data.train), len(data.holdout)) == (284, 285)
    assert len(set(data.train.rows)) < 284
    assert not set(data.train.rows) & set(data.holdout.rows)
