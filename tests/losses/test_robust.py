"""Robust regression against scipy, scikit-learn and the papers' equations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from tfloss_losses import robust
from tfloss_losses.robust import (
    adaptive_wing,
    arctan,
    berhu,
    cauchy,
    epsilon_insensitive,
    fair,
    geman_mcclure,
    general_robust,
    squared_epsilon_insensitive,
    tukey,
    welsch,
)

from .checks import of
from .oracles import assert_agrees, assert_passes_the_kit

RANDOM = np.random.default_rng(0)
LABELS, PREDICTION = 3 * RANDOM.normal(size=(2, 30, 2))
DATA = {"labels": LABELS, "prediction": PREDICTION}
E = LABELS - PREDICTION


@pytest.mark.parametrize("loss", robust.tfloss_losses(), ids=lambda loss: loss.name)
def test_the_kit(loss):
    assert_passes_the_kit(loss)


@pytest.mark.parametrize("alpha", [1.5, 1.0, -1.0, -3.0])
def test_barrons_equation(alpha):
    x, bend = (E / 1.7) ** 2, abs(alpha - 2)
    expected = bend / alpha * ((x / bend + 1) ** (alpha / 2) - 1)
    assert_agrees(general_robust, DATA, expected.mean(axis=1), alpha=alpha, scale=1.7)


def test_barrons_limits_are_the_named_losses():
    mse = (E**2).mean(axis=1) / 2
    assert_agrees(general_robust, DATA, mse, alpha=2)
    assert_agrees(general_robust, DATA, mse, alpha=2 - 1e-9, rtol=1e-6)
    assert_agrees(general_robust, DATA, of(cauchy, DATA), alpha=0)
    assert_agrees(general_robust, DATA, of(cauchy, DATA), alpha=1e-9, rtol=1e-6)
    assert_agrees(general_robust, DATA, of(geman_mcclure, DATA), alpha=-2)
    assert_agrees(general_robust, DATA, of(welsch, DATA), alpha=-1e9, rtol=1e-6)


@pytest.mark.parametrize("name", ["cauchy", "arctan"])
def test_scipys_robust_least_squares(name):
    """Its cost is half the sum of c²·rho((e/c)²), with log(1 + z) and with arctan z."""
    cost = optimize.least_squares(lambda x: E[0] + 0 * x, [0.0], loss=name, f_scale=1.3).cost
    one = {key: array[:1] for key, array in DATA.items()}
    if name == "arctan":
        assert_agrees(arctan, one, [cost], scale=1.3)
    else:  # ours halves the square inside
        assert_agrees(cauchy, one, [cost / 1.3**2], scale=1.3 / np.sqrt(2))


def test_equations_one_by_one():
    z = E / 2.0
    equations = {
        cauchy: np.log(1 + z**2 / 2),
        geman_mcclure: 2 * z**2 / (z**2 + 4),
        welsch: 1 - np.exp(-(z**2) / 2),
        fair: 4 * (np.abs(z) - np.log(1 + np.abs(z))),
        tukey: np.where(np.abs(z) <= 1, 4 / 6 * (1 - (1 - z**2) ** 3), 4 / 6),
        arctan: 4 * np.arctan(z**2),
    }
    for loss, expected in equations.items():
        assert_agrees(loss, DATA, expected.mean(axis=1), scale=2.0)
    size = np.abs(E)
    expected = np.where(size <= 2, size, (size**2 + 4) / 4)
    assert_agrees(berhu, DATA, expected.mean(axis=1), delta=2.0)
    outside = np.maximum(size - 0.3, 0)
    assert_agrees(epsilon_insensitive, DATA, outside.mean(axis=1), epsilon=0.3)
    assert_agrees(squared_epsilon_insensitive, DATA, (outside**2).mean(axis=1), epsilon=0.3)


def test_the_adaptive_wing():
    labels, said = RANDOM.uniform(0, 1, (2, 20, 3))
    power, theta, omega = 2.1 - labels, 0.4, 14.0
    size = np.abs(labels - said)
    slope = omega / (1 + theta**power) * power * theta ** (power - 1)
    offset = theta * slope - omega * np.log(1 + theta**power)
    expected = np.where(size < theta, omega * np.log(1 + size**power), slope * size - offset)
    data = {"labels": labels, "prediction": said}
    assert_agrees(adaptive_wing, data, expected.mean(axis=1), theta=theta)
