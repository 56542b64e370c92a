"""Multi-label losses for rare labels, by the papers' sums in loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from tfloss_losses import multi_label_counts
from tfloss_losses.multi_label_counts import distribution_balanced, two_way

from .checks import of
from .oracles import assert_agrees, assert_passes_the_kit

RANDOM = np.random.default_rng(0)
Y, Z = RANDOM.integers(0, 2, size=(6, 4)).astype(float), RANDOM.normal(size=(6, 4))
Y[0], Y[1] = 0, 1
DATA = {"labels": Y, "logits": Z}


@pytest.mark.parametrize("loss", multi_label_counts.tfloss_losses(), ids=lambda loss: loss.name)
def test_the_kit(loss):
    assert_passes_the_kit(loss)


def test_distribution_balanced_by_columns():
    counts, total = np.array([50.0, 10, 30, 5]), 100.0
    nu = -0.05 * np.log(total / counts - 1)
    expected = []
    for y, z in zip(Y, Z, strict=True):
        again = sum(y / counts)
        r = (1 / counts) / again if again else np.full(4, np.inf)
        weight = 0.1 + special.expit(10 * (r - 0.2))
        yes, no = np.log1p(np.exp(-(z - nu))), np.log1p(np.exp(5 * (z - nu))) / 5
        expected.append(np.mean(weight * np.where(y == 1, yes, no)))
    assert_agrees(distribution_balanced, DATA, expected, counts=[50, 10, 30, 5], total=100.0)


def test_counts_without_a_total_are_refused():
    for settings in ({"counts": [1, 2, 3, 4]}, {"total": 9.0}):
        with pytest.raises(ValueError, match="total"):
            of(distribution_balanced, DATA, **settings)
    with pytest.raises(ValueError, match="below"):
        of(distribution_balanced, DATA, counts=[1, 2, 3, 9], total=9.0)


def test_two_way_by_rows_and_columns():
    def mean(labels, logits):
        costs = []
        for y, z in zip(labels, logits, strict=True):
            if 0 < y.sum() < len(y):
                pairs = np.exp(z[y == 0]).sum() * np.exp(-z[y == 1] / 3).sum() ** 3
                costs.append(np.log1p(pairs))
        return np.mean(costs)

    assert_agrees(two_way, DATA, mean(Y, Z) + mean(Y.T, Z.T), temperature=3.0)
