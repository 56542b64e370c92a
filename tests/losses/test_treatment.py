"""Targeted regularisation by its equation."""

from __future__ import annotations

import numpy as np
from scipy import special

from tfloss_losses.treatment import targeted_regularisation

from .oracles import assert_agrees, assert_passes_the_kit

RANDOM = np.random.default_rng(0)


def test_the_kit():
    assert_passes_the_kit(targeted_regularisation)


def test_the_observed_arm_is_moved_by_its_lever():
    y, one, none, z = RANDOM.normal(size=(4, 5, 1))
    t = np.array([[1.0], [0], [1], [0], [1]])
    g = special.expit(z)
    lever = np.where(t == 1, 1 / g, -1 / (1 - g))
    expected = ((y - np.where(t == 1, one, none) - 0.3 * lever) ** 2)[:, 0]
    data = {"labels": y, "treatment": t, "treated": one, "untreated": none, "propensity": z}
    assert_agrees(targeted_regularisation, {**data, "state": {"epsilon": np.array(0.3)}}, expected)
