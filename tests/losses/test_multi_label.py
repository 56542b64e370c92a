"""Multi-label losses against TensorFlow, scikit-learn and the papers' sums in loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from tfloss_losses import multi_label
from tfloss_losses.multi_label import (
    bp_mll,
    hill,
    log_sum_exp_pairwise,
    multi_label_margin,
    multi_margin,
    zlpr,
)

from .oracles import assert_agrees, assert_passes_the_kit

RANDOM = np.random.default_rng(0)
Y = RANDOM.integers(0, 2, size=(9, 4)).astype(float)
Z = RANDOM.normal(size=(9, 4))
DATA = {"labels": Y, "logits": Z}


@pytest.mark.parametrize("loss", multi_label.tfloss_losses(), ids=lambda loss: loss.name)
def test_the_kit(loss):
    assert_passes_the_kit(loss)


def test_pairs_of_a_yes_and_a_no():
    pairwise, exponential, margin = [], [], []
    for y, z in zip(Y, Z, strict=True):
        gaps = np.array([z[d] - z[c] for c, d in np.ndindex(4, 4) if y[c] == 1 and y[d] == 0])
        pairwise.append(np.log1p(np.sum(np.exp(gaps / 0.7))))
        exponential.append(np.mean(np.exp(gaps)) if len(gaps) else 0)
        margin.append(np.sum(np.maximum(0, 1 + gaps)) / 4)
    assert_agrees(log_sum_exp_pairwise, DATA, pairwise, temperature=0.7)
    assert_agrees(bp_mll, DATA, exponential)
    assert_agrees(multi_label_margin, DATA, margin)


def test_each_side_of_zero():
    expected = np.log1p(np.sum((1 - Y) * np.exp(Z), axis=1))
    expected += np.log1p(np.sum(Y * np.exp(-Z), axis=1))
    assert_agrees(zlpr, DATA, expected)
    p = special.expit(Z)
    cost = Y * np.log1p(np.exp(1 - Z)) + (1 - Y) * (1.5 - p) * p**2
    assert_agrees(hill, DATA, cost.mean(axis=1))


def test_a_margin_to_every_other_class():
    classes = np.arange(9) % 4
    for power in (1, 2):
        expected = [
            sum(max(0, 0.8 - z[k] + z[c]) ** power for c in range(4) if c != k) / 4
            for z, k in zip(Z, classes, strict=True)
        ]
        given = {"labels": np.eye(4)[classes], "logits": Z}
        assert_agrees(multi_margin, given, expected, margin=0.8, power=power)
