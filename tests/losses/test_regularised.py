"""Losses of columns' statistics against numpy's correlations and covariances."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics.pairwise import linear_kernel

from tfloss_losses.regularised import barlow_twins, cka, coral, vicreg

from .checks import assert_derivative, assert_finite_and_equal_modes, case, of

ALL = (barlow_twins, vicreg, coral, cka)


def views(rows=7):
    rng = np.random.default_rng(0)
    first = rng.normal(size=(rows, 3))
    return {
        "first": first,
        "second": first + rng.normal(size=(rows, 3)) / 2,
        "sample_weight": rng.uniform(0.5, 2, size=rows),
    }


def unweighted(rows=7):
    return {name: value for name, value in views(rows).items() if name != "sample_weight"}


ramp = np.linspace(1, -1, 3)
ODD = np.stack([0 * ramp, ramp, ramp, 1e4 * ramp, -1e4 * ramp, 1e4 + 0 * ramp])
FAMILY = (
    *(case(loss, "moderate", views()) for loss in ALL),
    *(case(loss, "extreme", {"first": ODD, "second": ODD[::-1]}) for loss in ALL),
    *(case(loss, "constant", {"first": 0 * ODD + 3, "second": 0 * ODD}) for loss in ALL),
)


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    assert_finite_and_equal_modes(FAMILY, chosen)


@pytest.mark.parametrize("chosen", FAMILY[: len(ALL)], ids=str)
def test_derivative(chosen):
    assert_derivative(chosen)


@pytest.mark.parametrize("loss", ALL)
def test_a_weight_of_zero_is_as_if_the_example_were_not_there(loss):
    data, weight = unweighted(), np.array([1.0, 1, 0, 1, 1, 0, 1])
    less = {name: value[weight == 1] for name, value in data.items()}
    data["first"][2] = np.nan
    assert of(loss, data | {"sample_weight": weight}) == pytest.approx(of(loss, less))


@pytest.mark.parametrize("loss", ALL)
def test_one_example_or_none_is_finite(loss):
    for weight in ([1.0, 0, 0], [0.0, 0, 0]):
        assert np.isfinite(of(loss, unweighted(3) | {"sample_weight": np.array(weight)}))


@pytest.mark.parametrize("loss", ALL)
def test_another_number_of_examples_is_refused(loss):
    with pytest.raises(ValueError, match="shape"):
        of(loss, unweighted() | {"first": views()["first"][:5]})


def test_barlow_twins_is_scipys_correlations():
    data, total = unweighted(), 0.0
    for c, one in enumerate(data["first"].T):
        for d, other in enumerate(data["second"].T):
            r = stats.pearsonr(one, other).statistic
            total += (1 - r) ** 2 if c == d else 0.02 * r**2
    assert of(barlow_twins, data, off_diagonal=0.02) == pytest.approx(total)


def test_vicreg_is_the_papers_three_parts():
    data = unweighted()
    invariance = np.mean(np.sum((data["first"] - data["second"]) ** 2, axis=1))
    variance = covariances = 0.0
    for view in (data["first"], data["second"]):
        spread = np.sqrt(np.var(view, axis=0, ddof=1) + 1e-4)
        variance += np.mean(np.maximum(0, 1 - spread))
        crossed = np.cov(view, rowvar=False)
        np.fill_diagonal(crossed, 0)
        covariances += np.sum(crossed**2) / 3
    assert variance > 0
    expected = 2 * invariance + 3 * variance + 4 * covariances
    ours = of(vicreg, data, invariance=2.0, variance=3.0, covariances=4.0)
    assert ours == pytest.approx(expected)


def test_coral_is_the_difference_of_numpys_covariances():
    data = unweighted()
    apart = np.cov(data["first"], rowvar=False) - np.cov(data["second"], rowvar=False)
    assert of(coral, data) == pytest.approx(np.linalg.norm(apart, "fro") ** 2 / (4 * 3**2))


def test_whole_weights_are_repetitions_in_the_means_of_cka():
    data, weight = unweighted(), np.array([1, 2, 1, 3, 1, 1, 1])
    repeated = {name: np.repeat(value, weight, axis=0) for name, value in data.items()}
    ours = of(cka, data | {"sample_weight": weight.astype(float)})
    assert ours == pytest.approx(of(cka, repeated))


def test_cka_is_the_hsic_of_centred_gram_matrices():
    """The other form of the paper, eq. 3 and 4: kernels over the examples."""
    data = unweighted() | {"second": np.random.default_rng(1).normal(size=(7, 5))}
    centring = np.eye(7) - np.full((7, 7), 1 / 7)
    one, two = (centring @ linear_kernel(data[name]) @ centring for name in ("first", "second"))
    expected = 1 - np.trace(one @ two) / np.sqrt(np.trace(one @ one) * np.trace(two @ two))
    assert of(cka, data) == pytest.approx(expected)


def test_cka_does_not_see_rotation_scale_and_shift():
    first = views()["first"]
    turn = stats.ortho_group.rvs(3, random_state=0)
    assert of(cka, {"first": first, "second": 5 * first @ turn + 2}) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("loss", "settings"),
    [
        (barlow_twins, {"off_diagonal": -1.0}),
        (vicreg, {"invariance": -1.0}),
        (vicreg, {"epsilon": 0.0}),
    ],
)
def test_settings_outside_their_bounds_are_refused(loss, settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        of(loss, unweighted(), **settings)
