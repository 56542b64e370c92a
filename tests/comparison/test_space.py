"""Ranges to be searched in, and the two halves of a table."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_wine

import tfloss
from tfloss.comparison.search.space import Space
from tfloss.comparison.search.split import search_split
from tfloss.errors import UsageError


def test_ranges_are_read_from_both_texts():
    space = Space.of(
        formula="bce + {0.01..10:log}*kd(temperature={1, 2, 4})",
        optimizer="sgd:learning_rate={0..1}",
    )
    assert [one.name for one in space.ranges] == ["formula 1", "formula 2", "optimizer 1"]
    log, listed, plain = space.ranges
    assert (log.low, log.high, log.log) == (0.01, 10, True)
    assert listed.choices == (1, 2, 4)
    assert (plain.low, plain.high, plain.log) == (0, 1, False)


def test_the_middle_is_geometric_on_a_logarithmic_scale():
    space = Space.of(formula="{0.01..100:log}*bce + {1..3}*l2 + {1, 2, 9}*l1")
    assert space.filled(lambda one: one.middle) == {"formula": "1*bce + 2*l2 + 2*l1"}


def test_values_go_where_their_ranges_stood():
    space = Space.of(formula="{0..1}*bce + {0..1}*l2", optimizer="adam:learning_rate={0..1}")
    values = {"formula 1": 0.25, "formula 2": 1 / 3, "optimizer 1": 0.5}
    assert space.filled(lambda one: values[one.name]) == {
        "formula": "0.25*bce + 0.333333*l2",
        "optimizer": "adam:learning_rate=0.5",
    }


@pytest.mark.parametrize(
    "text", ["bce", "{}*bce", "{a}*bce", "{1..}*bce", "{2..1}*bce", "{0..1:log}*bce",
             "{0..1:5}*bce", "{1..1e999}*bce"],
)  # fmt: skip
def test_what_cannot_be_searched_is_refused(text):
    with pytest.raises(UsageError):
        Space.of(formula=text)


def test_no_row_is_in_both_halves_and_classes_keep_their_shares():
    features, target = load_wine(return_X_y=True)
    table = tfloss.Table(np.c_[np.arange(len(target)), features], target, name="wine")
    one, other = search_split(table, 0.5, seed=3)
    numbers = np.concatenate([one.features[:, 0], other.features[:, 0]])
    assert sorted(numbers) == list(range(len(target)))
    for half in (one, other):
        shares = np.bincount(half.target) / len(half)
        np.testing.assert_allclose(shares, np.bincount(target) / len(target), atol=0.02)
        np.testing.assert_array_equal(half.target, target[half.features[:, 0].astype(int)])


def test_rows_without_a_label_are_left_out():
    target = np.array([0.0, 1.0] * 20)
    target[:10] = np.nan
    table = tfloss.Table(np.arange(40.0)[:, None], target, task="classification")
    one, other = search_split(table, 0.5, seed=0)
    assert len(one) == len(other) == 15
    assert min(one.features.min(), other.features.min()) == 10
