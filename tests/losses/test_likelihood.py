"""Likelihoods against scipy's distributions and scikit-learn's deviance."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats
from sklearn.metrics import mean_tweedie_deviance

from tfloss import tf
from tfloss_losses.likelihood import beta_nll, gaussian_nll, laplace_nll, poisson, tweedie

from .checks import (
    assert_derivative,
    assert_finite_and_equal_modes,
    assert_refuses_other_shapes,
    case,
    extreme,
    moderate,
    of,
)

ALL = (gaussian_nll, beta_nll, laplace_nll, poisson, tweedie)


def two_per_target():
    """Two targets with a location and a logarithm of a spread each."""
    return {"labels": moderate(2)["logits"], "prediction": moderate(4, seed=1)["logits"]}


def amounts():
    data = moderate(3)
    return {"labels": data["labels"] * 2 + 0.5, "prediction": data["logits"]}


spreads = extreme(1)["logits"]
FAMILY = (
    case(gaussian_nll, "moderate", two_per_target()),
    case(beta_nll, "moderate", two_per_target()),
    case(laplace_nll, "moderate", two_per_target()),
    case(poisson, "moderate", amounts()),
    case(tweedie, "moderate", amounts()),
    *(
        case(loss, "extreme", extreme(1) | {"prediction": np.hstack([spreads, spreads[::-1]])})
        for loss in (gaussian_nll, beta_nll, laplace_nll)
    ),
    case(poisson, "extreme", extreme(1) | {"prediction": np.clip(spreads, -1e4, 40)}),
    case(tweedie, "extreme", extreme(1) | {"prediction": np.clip(spreads, -40, 40)}),
)
SMOOTH = [one for one in FAMILY if "extreme" not in one.label and one.loss is not beta_nll]


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    assert_finite_and_equal_modes(FAMILY, chosen)


@pytest.mark.parametrize("chosen", SMOOTH, ids=str)
def test_derivative(chosen):
    assert_derivative(chosen)


@pytest.mark.parametrize("loss", [poisson, tweedie])
def test_other_shapes_are_refused(loss):
    assert_refuses_other_shapes(loss)


@pytest.mark.parametrize("loss", [gaussian_nll, laplace_nll])
def test_a_spread_is_needed_for_each_target(loss):
    with pytest.raises(ValueError, match="twice as many"):
        of(loss, moderate(2))


def test_gaussian_and_laplace_are_scipys():
    data = two_per_target()
    y, location, spread = data["labels"], data["prediction"][:, :2], data["prediction"][:, 2:]
    normal = stats.norm(location, np.exp(spread / 2))
    np.testing.assert_allclose(of(gaussian_nll, data), -normal.logpdf(y).mean(axis=-1))
    laplace = stats.laplace(location, np.exp(spread))
    np.testing.assert_allclose(of(laplace_nll, data), -laplace.logpdf(y).mean(axis=-1))


def test_poisson_is_scipys_but_for_a_constant():
    counts = np.array([[0.0, 3.0], [1.0, 7.0]])
    data = {"labels": counts, "prediction": moderate(2, rows=2)["logits"]}
    full = -stats.poisson(np.exp(data["prediction"])).logpmf(counts)
    constant = special.gammaln(counts + 1)
    np.testing.assert_allclose(of(poisson, data), (full - constant).mean(axis=-1))


@pytest.mark.parametrize("power", [1.1, 1.5, 1.9])
def test_tweedie_is_scikit_learns_deviance(power):
    labels = np.array([[0.0], [0.5], [3.0], [0.0]])
    data = {"labels": labels, "prediction": moderate(1, rows=4)["logits"]}
    reference = mean_tweedie_deviance(
        labels.ravel(), np.exp(data["prediction"]).ravel(), power=power
    )
    assert np.mean(of(tweedie, data, power=power)) == pytest.approx(reference)


@pytest.mark.parametrize("power", [1, 2, 3])
def test_tweedies_other_powers_are_refused(power):
    with pytest.raises(ValueError, match="power"):
        of(tweedie, amounts(), power=power)


def test_beta_nll_weighs_each_targets_likelihood_by_its_variance():
    data = two_per_target()
    mean, deviation = data["prediction"][:, :2], np.exp(data["prediction"][:, 2:] / 2)
    each = -stats.norm(mean, deviation).logpdf(data["labels"])
    expected = np.mean(deviation**0.6 * each, axis=1)
    np.testing.assert_allclose(of(beta_nll, data, beta=0.3), expected)
    np.testing.assert_allclose(of(beta_nll, data, beta=0.0), of(gaussian_nll, data))


def test_at_beta_one_the_means_learn_by_the_squared_error():
    data = {name: tf.constant(value) for name, value in two_per_target().items()}
    with tf.GradientTape() as tape:
        tape.watch(data)
        value = tf.reduce_sum(beta_nll(**data, beta=1.0))
    gradient = tape.gradient(value, data["prediction"])[:, :2]
    np.testing.assert_allclose(gradient, (data["prediction"][:, :2] - data["labels"]) / 2)
