"""Distances between probabilities against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.spatial import distance as scipy_distance

from tfloss_losses.distance import chi_square, total_variation, wasserstein

from .checks import (
    assert_derivative,
    assert_finite_and_equal_modes,
    assert_refuses_other_shapes,
    case,
    cases,
    extreme,
    moderate,
    of,
)

ALL = (total_variation, chi_square, wasserstein)
FAMILY = (
    *cases(*ALL),
    case(wasserstein, "squared", moderate(4), power=2),
    case(wasserstein, "extreme-squared", extreme(4), power=2),
)
SMOOTH = [one for one in FAMILY if "extreme" not in one.label]


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    assert_finite_and_equal_modes(FAMILY, chosen)


@pytest.mark.parametrize("chosen", SMOOTH, ids=str)
def test_derivative(chosen):
    assert_derivative(chosen)


@pytest.mark.parametrize("loss", ALL)
def test_other_shapes_are_refused(loss):
    assert_refuses_other_shapes(loss)


@pytest.mark.parametrize("loss", ALL)
@pytest.mark.parametrize("columns", [1, 3])
def test_agreement_costs_nothing(loss, columns):
    data = moderate(columns)
    agreeing = {"teacher": data["probs"], "logits": data["logits"]}
    np.testing.assert_allclose(of(loss, agreeing), 0, atol=1e-12)


def test_total_variation_is_half_the_city_block():
    data = moderate(3)
    pairs = zip(data["probs"], data["teacher"], strict=True)
    reference = [scipy_distance.cityblock(p, q) / 2 for p, q in pairs]
    np.testing.assert_allclose(of(total_variation, data), reference)


def test_one_column_is_the_difference_of_the_second_class():
    data = moderate(1)
    reference = np.abs(data["probs"] - data["teacher"])[:, 0]
    np.testing.assert_allclose(of(total_variation, data), reference)
    np.testing.assert_allclose(of(wasserstein, data), reference)


def test_chi_square_is_scipys_statistic_of_one_draw():
    data = moderate(3)
    reference = stats.chisquare(data["probs"], data["teacher"], axis=-1).statistic
    np.testing.assert_allclose(of(chi_square, data), reference)


def test_wasserstein_is_scipys():
    data = moderate(5)
    places = np.arange(5)
    reference = [
        stats.wasserstein_distance(places, places, p, q)
        for p, q in zip(data["probs"], data["teacher"], strict=True)
    ]
    np.testing.assert_allclose(of(wasserstein, data), reference)


def test_wasserstein_squared_is_the_gap_of_the_sums():
    data = moderate(4)
    gap = np.cumsum(data["probs"], axis=-1) - np.cumsum(data["teacher"], axis=-1)
    np.testing.assert_allclose(of(wasserstein, data, power=2), np.sum(gap**2, axis=-1), atol=1e-12)


def test_a_far_miss_costs_more():
    logits = np.array([[0.0, 1e4, 0, 0], [0, 0, 0, 1e4]])
    teacher = np.array([[1.0, 0, 0, 0]] * 2)
    np.testing.assert_allclose(of(wasserstein, {"teacher": teacher, "logits": logits}), [1, 3])


def test_a_power_below_one_is_refused():
    with pytest.raises(ValueError, match="power"):
        of(wasserstein, moderate(1), power=0.5)
