"""Likelihoods against scipy's distributions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from tfloss_losses import densities
from tfloss_losses.densities import (
    beta_distribution_nll,
    gamma_nll,
    gaussian_mixture,
    hurdle_poisson,
    log_normal_nll,
    logistic_nll,
    negative_binomial,
    student_t_nll,
    von_mises_nll,
    zero_inflated_negative_binomial,
    zero_inflated_poisson,
)

from .checks import of
from .oracles import assert_agrees, assert_passes_the_kit

RANDOM = np.random.default_rng(0)
ROWS, K = 40, 2
A, B, C = RANDOM.normal(size=(3, ROWS, K))
COUNTS = RANDOM.poisson(1.5, size=(ROWS, K)).astype(float)
AMOUNTS, SHARES = RANDOM.gamma(2.0, size=(ROWS, K)), RANDOM.uniform(0.01, 0.99, (ROWS, K))
NUMBERS = RANDOM.normal(size=(ROWS, K))
P = special.expit(C)
NB = stats.nbinom(np.exp(-B), 1 / (1 + np.exp(A + B)))


def _zero_inflated(distribution, p_zero):
    chance = (1 - p_zero) * distribution.pmf(COUNTS)
    return np.log(np.where(COUNTS == 0, p_zero + chance, chance))


def _hurdle():
    poisson = stats.poisson(np.exp(A))
    beyond = (1 - special.expit(B)) * poisson.pmf(COUNTS) / poisson.sf(0)
    return np.log(np.where(COUNTS == 0, special.expit(B), beyond))


# Targets, parameters, and the logarithm of the density by scipy.
SCIPY = {
    negative_binomial: (COUNTS, (A, B), NB.logpmf(COUNTS)),
    zero_inflated_poisson: (
        COUNTS, (A, B), _zero_inflated(stats.poisson(np.exp(A)), special.expit(B)),
    ),
    zero_inflated_negative_binomial: (COUNTS, (A, B, C), _zero_inflated(NB, P)),
    hurdle_poisson: (COUNTS, (A, B), _hurdle()),
    student_t_nll: (NUMBERS, (A, B), stats.t(4, A, np.exp(B)).logpdf(NUMBERS)),
    gamma_nll: (
        AMOUNTS, (A, B), stats.gamma(np.exp(B), scale=np.exp(A - B)).logpdf(AMOUNTS),
    ),
    log_normal_nll: (AMOUNTS, (A, B), stats.lognorm(np.exp(B), scale=np.exp(A)).logpdf(AMOUNTS)),
    beta_distribution_nll: (
        SHARES,
        (A, B),
        stats.beta(special.expit(A) * np.exp(B), special.expit(-A) * np.exp(B)).logpdf(SHARES),
    ),
    von_mises_nll: (NUMBERS, (A, B), stats.vonmises(np.exp(B), loc=A).logpdf(NUMBERS)),
    logistic_nll: (NUMBERS, (A, B), stats.logistic(A, np.exp(B)).logpdf(NUMBERS)),
}  # fmt: skip


@pytest.mark.parametrize("loss", densities.tfloss_losses(), ids=lambda loss: loss.name)
def test_the_kit(loss):
    assert_passes_the_kit(loss)


@pytest.mark.parametrize("loss", SCIPY, ids=lambda loss: loss.name)
def test_it_is_scipys_density(loss):
    labels, parameters, log_density = SCIPY[loss]
    data = {"labels": labels, "prediction": np.concatenate(parameters, axis=1)}
    # von Mises: TensorFlow's Bessel function has seven digits.
    rtol = 1e-6 if loss is von_mises_nll else 1e-9
    assert_agrees(loss, data, -log_density.mean(axis=1), rtol=rtol)


def test_students_degrees_of_freedom():
    data = {"labels": NUMBERS, "prediction": np.concatenate([A, B], axis=1)}
    expected = -stats.t(2.5, A, np.exp(B)).logpdf(NUMBERS).mean(axis=1)
    assert_agrees(student_t_nll, data, expected, degrees=2.5)


def test_a_mixture_of_three():
    weights, means, scales = RANDOM.normal(size=(3, ROWS, 3, K))
    chances = special.softmax(weights, axis=1)
    density = np.sum(chances * stats.norm(means, np.exp(scales)).pdf(NUMBERS[:, None]), axis=1)
    prediction = np.concatenate([x.reshape(ROWS, 3 * K) for x in (weights, means, scales)], axis=1)
    data = {"labels": NUMBERS, "prediction": prediction}
    assert_agrees(gaussian_mixture, data, -np.log(density).mean(axis=1), components=3)


def test_other_numbers_of_parameters_are_refused():
    with pytest.raises(ValueError, match="2 times as many"):
        of(negative_binomial, {"labels": COUNTS, "prediction": COUNTS})
    with pytest.raises(ValueError, match="6 times as many"):
        of(gaussian_mixture, {"labels": COUNTS, "prediction": COUNTS})
