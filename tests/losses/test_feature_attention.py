"""Attention-guided and logarithmic distillation of layers, by numpy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from tfloss_losses import feature_attention
from tfloss_losses.feature_attention import attention_guided, srd

from .oracles import assert_agrees, assert_passes_the_kit

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("loss", feature_attention.tfloss_losses(), ids=lambda loss: loss.name)
def test_the_kit(loss):
    assert_passes_the_kit(loss)


def test_both_masks_weigh_the_difference():
    t, s = RANDOM.normal(size=(2, 3, 2, 4, 5))
    expected = []
    for a, b in zip(t.reshape(3, 8, 5), s.reshape(3, 8, 5), strict=True):
        places = [np.abs(x).mean(axis=1) for x in (a, b)]
        channels = [np.abs(x).mean(axis=0) for x in (a, b)]
        m_u = 8 * special.softmax(sum(places) / 0.7)
        m_c = 5 * special.softmax(sum(channels) / 0.7)
        apart = np.sqrt(np.sum((a - b) ** 2 * m_u[:, None] * m_c))
        looks = sum(np.linalg.norm(one - two) for one, two in (places, channels))
        expected.append(apart + 0.3 * looks)
    data = {"teacher_maps": t, "maps": s}
    assert_agrees(attention_guided, data, expected, temperature=0.7, alpha=0.3)


def test_srd_by_hand():
    t, s, held = RANDOM.normal(size=(6, 3)), RANDOM.normal(size=(6, 4)), RANDOM.normal(size=(4, 3))
    hats = [(x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5) for x in (t, s @ held)]
    expected = np.log(np.sum(np.abs(hats[0] - hats[1]) ** 3))
    data = {"teacher_layer": t, "layer": s, "state": {"projection": held}}
    assert_agrees(srd, data, expected, power=3.0)
