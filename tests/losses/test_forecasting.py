"""Scores of forecasts against scikit-learn, integrals of the definition, and loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from tfloss_losses import forecasting
from tfloss_losses.forecasting import (
    crossing,
    crps_ensemble,
    crps_gaussian,
    crps_laplace,
    crps_logistic,
    dawid_sebastiani,
    energy_score,
    interval_score,
    quantile_huber,
)

from .checks import of
from .oracles import assert_agrees, assert_passes_the_kit

RANDOM = np.random.default_rng(0)
LABELS = RANDOM.normal(size=(7, 2))
ANSWERS = RANDOM.normal(size=(7, 2, 5))
LEVELS = [0.05, 0.25, 0.5, 0.75, 0.95]
DATA = {"labels": LABELS, "prediction": ANSWERS.reshape(7, 10)}
PAIR = {"labels": LABELS, "prediction": RANDOM.normal(size=(7, 4))}


@pytest.mark.parametrize("loss", forecasting.tfloss_losses(), ids=lambda loss: loss.name)
def test_the_kit(loss):
    assert_passes_the_kit(loss)


def test_crossing_neighbours():
    expected = np.maximum(-np.diff(ANSWERS, axis=2) + 0.1, 0).sum(axis=2).mean(axis=1)
    assert_agrees(crossing, DATA, expected, levels=5, margin=0.1)


def test_quantile_huber_one_by_one():
    expected = np.zeros(7)
    for row, k, q in np.ndindex(7, 2, 5):
        u = LABELS[row, k] - ANSWERS[row, k, q]
        huber = u**2 / 2 if abs(u) <= 0.7 else 0.7 * (abs(u) - 0.35)
        expected[row] += abs(LEVELS[q] - (u < 0)) * huber / 0.7 / 10
    assert_agrees(quantile_huber, DATA, expected, levels=LEVELS, delta=0.7)


def test_interval_score_by_gneiting_and_raftery():
    low, high = np.split(PAIR["prediction"].reshape(7, 2, 2), 2, axis=2)
    low, high = low[..., 0], high[..., 0]
    fine = np.where(low > LABELS, low - LABELS, 0) + np.where(high < LABELS, LABELS - high, 0)
    assert_agrees(interval_score, PAIR, (high - low + 2 / 0.2 * fine).mean(axis=1), coverage=0.8)


@pytest.mark.parametrize(
    ("loss", "family"),
    [(crps_gaussian, stats.norm), (crps_laplace, stats.laplace), (crps_logistic, stats.logistic)],
    ids=lambda x: getattr(x, "name", ""),
)
def test_crps_is_the_integral_of_the_squared_difference(loss, family):
    location, log_scale = np.split(PAIR["prediction"], 2, axis=1)
    expected = np.zeros(7)
    for row, k in np.ndindex(7, 2):
        noise, y = family(location[row, k], np.exp(log_scale[row, k])), LABELS[row, k]
        below = integrate.quad(lambda x, n=noise: n.cdf(x) ** 2, -np.inf, y, epsabs=1e-12)[0]
        above = integrate.quad(lambda x, n=noise: n.sf(x) ** 2, y, np.inf, epsabs=1e-12)[0]
        expected[row] += (below + above) / 2
    assert_agrees(loss, PAIR, expected, rtol=1e-7)


def test_dawid_and_sebastiani():
    mean, log_scale = np.split(PAIR["prediction"], 2, axis=1)
    expected = (2 * log_scale + ((LABELS - mean) / np.exp(log_scale)) ** 2).mean(axis=1)
    assert_agrees(dawid_sebastiani, PAIR, expected)


@pytest.mark.parametrize("fair", [False, True])
def test_an_ensembles_crps_is_that_of_its_steps(fair):
    expected = np.zeros(7)
    for row, k in np.ndindex(7, 2):
        x, y = ANSWERS[row, k], LABELS[row, k]
        apart = sum(abs(a - b) for a in x for b in x) / (2 * (20 if fair else 25))
        expected[row] += (np.mean(np.abs(x - y)) - apart) / 2
    assert_agrees(crps_ensemble, DATA, expected, members=5, fair=fair)


def test_scipys_energy_distance_is_an_ensembles_crps():
    row = [
        stats.energy_distance(ANSWERS[r, k], LABELS[r, k : k + 1]) ** 2 / 2
        for r in range(7)
        for k in range(2)
    ]
    assert_agrees(crps_ensemble, DATA, np.reshape(row, (7, 2)).mean(axis=1), members=5)


def test_the_energy_score_of_vectors():
    expected = []
    for x, y in zip(ANSWERS.transpose(0, 2, 1), LABELS, strict=True):
        apart = sum(math.dist(a, b) for a in x for b in x)
        expected.append(np.mean([math.dist(a, y) for a in x]) - apart / 50)
    assert_agrees(energy_score, DATA, expected, members=5)


def test_levels_and_columns_are_refused():
    with pytest.raises(ValueError, match="levels"):
        of(quantile_huber, DATA, levels=[0.5, 1.0])
    with pytest.raises(ValueError, match="3 columns for each"):
        of(quantile_huber, DATA)
