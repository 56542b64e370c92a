"""Splits against scikit-learn's own, and where scikit-learn refuses."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from tfloss.data import split_rows
from tfloss.errors import DataError, UsageError

CODES = load_breast_cancer().target


def test_it_is_scikit_learns_split():
    split = split_rows(CODES, train_fraction=0.9, seed=3)
    train, test = train_test_split(np.arange(569), test_size=0.1, stratify=CODES, random_state=3)
    np.testing.assert_array_equal(split.train, train)
    np.testing.assert_array_equal(split.holdout, test)


@pytest.mark.parametrize("seed", range(100))
def test_five_rows_hold_both_classes_even_when_one_is_rare(seed):
    rare = np.r_[np.zeros(95, int), np.ones(5, int)]
    for codes in (CODES, rare):
        split = split_rows(codes, train_size=5, seed=seed)
        assert len(split.train) == 5
        assert set(codes[split.train]) == {0, 1}
        everything = np.sort(np.r_[split.train, split.holdout])
        np.testing.assert_array_equal(everything, np.arange(len(codes)))


def test_a_class_with_one_row_trains():
    codes = np.r_[np.zeros(30, int), np.ones(30, int), 2]
    for seed in range(20):
        assert 60 in split_rows(codes, train_fraction=0.5, seed=seed).train


def test_a_holdout_smaller_than_the_number_of_classes():
    codes = np.repeat([0, 1, 2], 10)
    split = split_rows(codes, test_size=1)
    assert (len(split.train), len(split.holdout)) == (29, 1)


def test_fewer_rows_than_classes():
    with pytest.raises(DataError, match="2 training rows cannot hold 3 classes"):
        split_rows(np.repeat([0, 1, 2], 10), train_size=2)


def test_rows_without_a_label_only_train():
    labelled = np.arange(569) % 3 > 0
    split = split_rows(np.where(labelled, CODES, -1), labelled, train_size=50)
    assert labelled[split.holdout].all()
    assert len(split.train) == 50 + (~labelled).sum()
    assert np.isin(np.flatnonzero(~labelled), split.train).all()


def test_sizes_that_leave_rows_out():
    split = split_rows(CODES, train_size=100, test_size=50)
    assert (len(split.train), len(split.holdout)) == (100, 50)
    assert not set(split.train) & set(split.holdout)


def test_everything_trains():
    split = split_rows(CODES, train_fraction=1.0)
    np.testing.assert_array_equal(split.train, np.arange(569))
    assert len(split.holdout) == 0
    assert len(split_rows(CODES, train_size=5, test_size=0).holdout) == 0


@pytest.mark.parametrize(
    "sizes",
    [
        {"train_fraction": 0.5, "train_size": 5},
        {"train_fraction": 0.0},
        {"train_fraction": 1.5},
        {"train_size": 0},
        {"train_size": 570},
        {"train_size": 500, "test_size": 100},
        {"test_size": -1},
        {"test_size": 2.5},
    ],
)
def test_impossible_sizes(sizes):
    with pytest.raises(UsageError):
        split_rows(CODES, **sizes)
