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
FAMILY = (*cases(*ALL), *(case(loss, "high", moderate(3), level=0.9) for loss in ALL))
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
    assert np.mean(of(quantile, data, level=level)) == pytest.approx(reference)


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
        best = constants[np.argmin(of(loss, given, level=level))]
        assert best == pytest.approx(reference, abs=0.01)


@pytest.mark.parametrize("loss", ALL)
def test_a_level_of_one_is_refused(loss):
    with pytest.raises(ValueError, match="level"):
        of(loss, moderate(1), level=1)
