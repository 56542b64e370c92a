"""Preference losses against the equations of their papers, as TRL computes them."""

from __future__ import annotations

import numpy as np
import pytest

from tfloss_losses import preference
from tfloss_losses.preference import (
    apo_down,
    apo_zero,
    bco,
    bradley_terry,
    discopop,
    dpo,
    exo,
    ipo,
    kto,
    nca_pair,
    odds_ratio,
    robust_dpo,
    simpo,
    slic,
    sppo,
)

from .checks import of
from .oracles import assert_agrees, assert_passes_the_kit

RANDOM = np.random.default_rng(0)
W, L, RW, RL = -20 + 4 * RANDOM.normal(size=(4, 9))
DATA = {"chosen": W, "rejected": L, "ref_chosen": RW, "ref_rejected": RL}
D, GAIN, LOSS = W - RW - L + RL, W - RW, L - RL


def sigma(x):
    return 1 / (1 + np.exp(-x))


def log_sigma(x):
    return -np.log1p(np.exp(-x))


B = 0.3
EQUATIONS = [
    (dpo, {"beta": B}, -log_sigma(B * D)),
    (
        dpo,
        {"beta": B, "label_smoothing": 0.2},
        -0.8 * log_sigma(B * D) - 0.2 * log_sigma(-B * D),
    ),
    (
        robust_dpo,
        {"beta": B, "noise": 0.2},
        (-0.8 * log_sigma(B * D) + 0.2 * log_sigma(-B * D)) / 0.6,
    ),
    (ipo, {"tau": B}, (D - 1 / (2 * B)) ** 2),
    (simpo, {"beta": B, "margin": 0.5}, -log_sigma(B * (W - L) - 0.5)),
    (slic, {"beta": B, "margin": 0.5}, np.maximum(0, 0.5 - B * (W - L))),
    (bradley_terry, {"margin": 0.5}, -log_sigma(W - L - 0.5)),
    (apo_zero, {"beta": B}, (1 - sigma(B * GAIN)) + sigma(B * LOSS)),
    (apo_down, {"beta": B}, sigma(B * GAIN) + 1 - sigma(B * D)),
    (sppo, {"beta": B}, (GAIN - 0.5 / B) ** 2 + (LOSS + 0.5 / B) ** 2),
    (
        nca_pair,
        {"beta": B},
        -log_sigma(B * GAIN) - log_sigma(-B * GAIN) / 2 - log_sigma(-B * LOSS) / 2,
    ),
    (
        exo,
        {"beta": B, "label_smoothing": 0.01},
        sigma(B * D) * (log_sigma(B * D) - np.log(0.99))
        + sigma(-B * D) * (log_sigma(-B * D) - np.log(0.01)),
    ),
    (
        discopop,
        {"beta": B, "tau": 0.5},
        -log_sigma(B * D) * (1 - sigma(B * D / 0.5)) + np.exp(-B * D) * sigma(B * D / 0.5),
    ),
]


@pytest.mark.parametrize("loss", preference.tfloss_losses(), ids=lambda loss: loss.name)
def test_the_kit(loss):
    assert_passes_the_kit(loss)


@pytest.mark.parametrize(
    ("loss", "settings", "expected"), EQUATIONS, ids=lambda x: getattr(x, "name", "")
)
def test_the_papers_equation(loss, settings, expected):
    given = {name: DATA[name] for name in loss.signature.positional}
    assert_agrees(loss, given, expected, **settings)


def test_the_odds_ratio():
    one, two = np.exp(-RANDOM.gamma(1.0, size=(2, 9)))
    expected = -log_sigma(np.log(one / (1 - one)) - np.log(two / (1 - two)))
    assert_agrees(odds_ratio, {"chosen": np.log(one), "rejected": np.log(two)}, expected)


LIKED = np.array([1.0, 0, 1, 1, 0, 0, 1, 0, 1])
ANSWERS = {"policy": W, "ref": RW, "liked": LIKED}


def test_kto_around_the_batchs_mean():
    for sign in (1, -1):
        gain = sign * GAIN
        z = max(np.mean(gain), 0)
        up, down = 1 - sigma(B * (gain - z)), 1 - sigma(B * (z - gain))
        expected = np.mean(np.where(LIKED == 1, 1.5 * up, 0.5 * down))
        data = ANSWERS | {"policy": sign * W, "ref": sign * RW}
        assert_agrees(kto, data, expected, beta=B, desirable=1.5, undesirable=0.5)


def test_bco_around_the_middle_of_both():
    reward = B * GAIN
    middle = (reward[LIKED == 1].mean() + reward[LIKED == 0].mean()) / 2
    right, wrong = -log_sigma(reward - middle), -log_sigma(middle - reward)
    assert_agrees(bco, ANSWERS, np.mean(np.where(LIKED == 1, right, wrong)), beta=B)


def test_far_apart_log_probabilities_are_finite():
    far = {
        name: np.array([1e4, -1e4]) * sign for name, sign in zip(DATA, (1, -1, 0, 0), strict=True)
    }
    for loss in (dpo, robust_dpo, nca_pair, exo, apo_zero):
        assert np.all(np.isfinite(of(loss, far)))
