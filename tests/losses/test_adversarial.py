"""The relativistic average critic by its means."""

from __future__ import annotations

import numpy as np

from tfloss_losses.adversarial import relativistic_average

from .oracles import assert_agrees, assert_passes_the_kit

RANDOM = np.random.default_rng(0)


def test_the_kit():
    assert_passes_the_kit(relativistic_average)


def test_real_ones_against_the_mean_of_the_made():
    r, f = RANDOM.normal(size=(2, 5, 1))
    expected = np.log1p(np.exp(f.mean() - r)).mean() + np.log1p(np.exp(f - r.mean())).mean()
    assert_agrees(relativistic_average, {"real": r, "made": f}, expected)
