"""Quantile losses against scikit-learn and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import mean_pinball_loss

from tfloss_losses.quantile import expectile, quantile

from .checks import (
    assert_derivative,
    assert_finite_and_equal_modes,
    assert_refuses_other_shapes,
    case,
    cases,
    moderate,
    of,
)

ALL = (quantile, expectile)
FAMILY = (*cases(*ALL), *(case(loss, "high", moderate(3), levels=0.9) for loss in ALL))
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


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_quantile_is_scikit_learns(level):
    data = moderate(3)
    reference = mean_pinball_loss(data["labels"], data["prediction"], alpha=level)
    assert np.mean(of(quantile, data, levels=level)) == pytest.approx(reference)


def test_several_levels_are_scikit_learns():
    levels, rng = [0.1, 0.5, 0.9], np.random.default_rng(1)
    data = {"labels": rng.normal(size=(7, 2)), "prediction": rng.normal(size=(7, 6))}
    answers = data["prediction"].reshape(7, 2, 3)
    reference = np.mean(
        [mean_pinball_loss(data["labels"], answers[..., q], alpha=t) for q, t in enumerate(levels)]
    )
    assert np.mean(of(quantile, data, levels=levels)) == pytest.approx(reference)


def test_several_levels_one_by_one():
    data = moderate(1)
    wide = {**data, "prediction": np.repeat(data["prediction"], 2, axis=1)}
    single = [of(expectile, data, levels=level) for level in (0.2, 0.7)]
    np.testing.assert_allclose(
        of(expectile, wide, levels=[0.2, 0.7]), np.mean(single, 0), rtol=1e-6
    )


def test_a_prediction_of_another_width_is_refused():
    with pytest.raises(ValueError, match=r"2 columns for each of 'labels' of shape \(5, 3\)"):
        of(quantile, moderate(3), levels=[0.1, 0.9])


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_the_best_constants_are_the_quantile_and_the_expectile(level):
    targets = np.random.default_rng(0).normal(size=(101, 1))
    constants = np.linspace(-2, 2, 801)
    for loss, reference in (
        (quantile, np.quantile(targets, level)),
        (expectile, stats.expectile(targets.ravel(), level)),
    ):
        given = {
            "labels": np.tile(targets, (1, 801)).T,
            "prediction": np.tile(constants[:, None], (1, 101)),
        }
        best = constants[np.argmin(of(loss, given, levels=level))]
        assert best == pytest.approx(reference, abs=0.01)


@pytest.mark.parametrize("loss", ALL)
def test_a_level_of_one_is_refused(loss):
    with pytest.raises(ValueError, match="level"):
        of(loss, moderate(1), levels=1)
