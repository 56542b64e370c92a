"""Intervals, tests and corrections against scipy and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tfloss.comparison.analysis.statistics import holm, mean_of, share_of, sign_flip_p, steps_to
from tfloss.comparison.analysis.verdicts import describe, verdict


@pytest.fixture
def random():
    return np.random.default_rng(4)


def test_the_mean_and_its_interval_are_scipys(random):
    values = random.exponential(size=60)
    found = mean_of(np.append(values, np.nan))
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(1)
    ).confidence_interval
    assert found.count == 60
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(expected.low, abs=0.02)
    assert found.high == pytest.approx(expected.high, abs=0.02)


def test_the_interval_covers_the_truth_about_95_times_in_100(random):
    covered = 0
    for _ in range(200):
        found = mean_of(random.normal(size=30))
        covered += found.low <= 0 <= found.high
    assert 180 <= covered <= 199


def test_constant_and_few_values():
    assert mean_of(np.full(9, 0.5)) == mean_of(np.full(9, 0.5))
    assert (mean_of(np.full(9, 0.5)).low, mean_of(np.full(9, 0.5)).high) == (0.5, 0.5)
    assert np.isnan(mean_of(np.array([1.0, 2.0])).low)
    assert mean_of(np.array([np.nan])).count == 0


@pytest.mark.parametrize("size", [9, 80])
def test_the_test_is_scipys_permutation_of_signs(random, size):
    d = random.normal(0.25, 1, size=size)
    expected = stats.permutation_test(
        (d,), np.mean, permutation_type="samples", n_resamples=9999, rng=np.random.default_rng(3)
    ).pvalue
    assert sign_flip_p(d) == pytest.approx(expected, abs=0.02)


def test_no_difference_has_p_one():
    assert sign_flip_p(np.zeros(50)) == 1.0


def test_the_share_is_scipys_wilson():
    expected = stats.binomtest(37, 50).proportion_ci(method="wilson")
    found = share_of(np.repeat([1.0, 0.0], [37, 13]))
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_holm_by_hand():
    # 0.01*4, then 0.02*3, 0.03*2 and 0.04*1, never below the one before.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])


def test_steps_to_a_goal():
    curve = np.array([[0.5, 0.9, 0.1], [0.8, 0.7, 0.2], [0.9, 0.95, 0.3]])
    steps = np.array([10, 20, 30])
    np.testing.assert_array_equal(steps_to(curve, steps, 0.8, "higher"), [20, 10, np.inf])
    np.testing.assert_array_equal(steps_to(curve, steps, 0.2, "lower"), [np.inf, np.inf, 10])


def test_words_say_what_interval_and_test_both_allow():
    difference = {"mean": 0.02, "low": 0.01, "high": 0.03, "count": 9}
    assert verdict(difference, 0.2) == ""
    assert verdict(difference, 0.01) == "up"
    assert verdict({**difference, "low": -0.01}, 0.01) == ""
    row = {
        "difference": difference,
        "p_holm": 0.01,
        "significant": "up",
        "win_rate": {"mean": 0.8, "count": 9},
    }
    assert "better by 0.02" in describe(row, "accuracy", "higher")
    assert "worse by 0.02" in describe(row, "log-loss", "lower")
    assert "higher by 0.02" in describe(row, "mean entropy", None)
    assert "no difference shown" in describe({**row, "significant": ""}, "accuracy", "higher")
