"""Losses for noisy labels against the papers' formulas and their limits."""

from __future__ import annotations

import numpy as np
import pytest

from tfloss_losses.classification import bce, ce
from tfloss_losses.noisy_labels import gce, sce, taylor_ce

from .checks import (
    assert_derivative,
    assert_finite_and_equal_modes,
    assert_refuses_other_shapes,
    case,
    cases,
    moderate,
    of,
)

ALL = (gce, sce, taylor_ce)
FAMILY = tuple(cases(*ALL))
SMOOTH = [one for one in FAMILY if "extreme" not in one.label]


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    assert_finite_and_equal_modes(FAMILY, chosen)


@pytest.mark.parametrize("chosen", [one for one in SMOOTH if one.loss is not sce], ids=str)
def test_derivative(chosen):
    assert_derivative(chosen)


def test_derivative_of_sce_where_no_label_is_zero():
    for columns in (1, 3):
        data = moderate(columns)
        assert_derivative(case(sce, "soft", data | {"labels": data["teacher"]}, log_zero=-15))


@pytest.mark.parametrize("loss", ALL)
def test_other_shapes_are_refused(loss):
    assert_refuses_other_shapes(loss)


def label_probability(data, columns):
    if columns == 1:
        return np.where(data["labels"] == 1, data["probs"], 1 - data["probs"])[:, 0]
    return np.sum(data["labels"] * data["probs"], axis=-1)


@pytest.mark.parametrize("columns", [1, 3])
def test_gce_is_its_formula(columns):
    data = moderate(columns)
    p = label_probability(data, columns)
    np.testing.assert_allclose(of(gce, data, q=0.4), (1 - p**0.4) / 0.4)
    np.testing.assert_allclose(of(gce, data, q=1), 1 - p)


@pytest.mark.parametrize(("columns", "plain"), [(1, bce), (3, ce)])
def test_gce_and_taylor_ce_tend_to_cross_entropy(columns, plain):
    data = moderate(columns)
    np.testing.assert_allclose(of(gce, data, q=1e-7), of(plain, data), rtol=1e-5)
    np.testing.assert_allclose(of(taylor_ce, data, order=300), of(plain, data), rtol=1e-5)


@pytest.mark.parametrize("columns", [1, 3])
def test_taylor_ce_is_its_series(columns):
    data = moderate(columns)
    missing = 1 - label_probability(data, columns)
    series = missing + missing**2 / 2 + missing**3 / 3
    np.testing.assert_allclose(of(taylor_ce, data, order=3), series)


@pytest.mark.parametrize(("columns", "plain"), [(1, bce), (3, ce)])
def test_the_reverse_half_of_sce_is_the_probability_of_the_other_classes(columns, plain):
    # Wang et al. 2019, section 3.3: with a one-hot label it is -A(1 - p).
    data = moderate(columns)
    reference = 0.5 * of(plain, data) + 2 * 6 * (1 - label_probability(data, columns))
    np.testing.assert_allclose(of(sce, data, alpha=0.5, beta=2, log_zero=-6), reference)


@pytest.mark.parametrize(
    ("loss", "settings"), [(gce, {"q": 0}), (sce, {"log_zero": 1}), (taylor_ce, {"order": 0})]
)
def test_settings_outside_their_bounds_are_refused(loss, settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        of(loss, moderate(1), **settings)
