"""Positive-unlabelled risks against their sums."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from tfloss_losses import positive_unlabelled
from tfloss_losses.positive_unlabelled import nn_pu, u_pu

from .checks import of
from .oracles import assert_agrees, assert_passes_the_kit

RANDOM = np.random.default_rng(0)
Y = RANDOM.integers(0, 2, size=(9, 4)).astype(float)
Z = RANDOM.normal(size=(9, 4))
DATA = {"labels": Y, "logits": Z}


@pytest.mark.parametrize("loss", positive_unlabelled.tfloss_losses(), ids=lambda loss: loss.name)
def test_the_kit(loss):
    assert_passes_the_kit(loss)


def test_positive_and_unlabelled():
    yes, no = special.expit(-Z), special.expit(Z)
    positive, unlabelled = yes[Y == 1].mean(), no[Y == 0].mean() - 0.3 * no[Y == 1].mean()
    assert_agrees(u_pu, DATA, 0.3 * positive + unlabelled, prior=0.3)
    assert_agrees(nn_pu, DATA, 0.3 * positive + max(0, unlabelled), prior=0.3)
    sure = DATA | {"logits": 10 * (2 * Y - 1)}
    assert of(u_pu, sure, prior=0.9) < 0 <= of(nn_pu, sure, prior=0.9)
