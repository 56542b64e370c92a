"""Consistency losses: masks by hand, divergences by SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from tfloss import tf
from tfloss_losses import consistency
from tfloss_losses.consistency import augmix, fixmatch, uda

from .oracles import assert_agrees, assert_passes_the_kit

RANDOM = np.random.default_rng(0)
WEAK, STRONG = 2 * RANDOM.normal(size=(2, 8, 3))
DATA = {"weak": WEAK, "strong": STRONG}
Q, P = special.softmax(WEAK, axis=1), special.softmax(STRONG, axis=1)
SURE = 1.0 * (Q.max(axis=1) >= 0.7)


@pytest.mark.parametrize("loss", consistency.tfloss_losses(), ids=lambda loss: loss.name)
def test_the_kit(loss):
    assert_passes_the_kit(loss)


def test_fixmatch_and_uda_count_what_the_weak_view_is_sure_of():
    assert 0 < SURE.sum() < 8
    expected = -SURE * np.log(P[np.arange(8), Q.argmax(axis=1)])
    assert_agrees(fixmatch, DATA, expected, threshold=0.7)
    sharp = special.softmax(WEAK / 0.5, axis=1)
    expected = SURE * special.rel_entr(sharp, P).sum(axis=1)
    assert_agrees(uda, DATA, expected, threshold=0.7, temperature=0.5)


@pytest.mark.parametrize("loss", [fixmatch, uda], ids=lambda loss: loss.name)
def test_the_weak_view_is_not_trained(loss):
    weak, strong = (tf.Variable(x.astype(np.float32)) for x in (WEAK, STRONG))
    with tf.GradientTape() as tape:
        value = loss(weak, strong, threshold=0.5)
    gradients = tape.gradient(value, [weak, strong], unconnected_gradients="zero")
    assert not np.any(gradients[0])
    assert np.any(gradients[1])


def test_augmix_is_the_entropy_of_the_mean_less_the_mean_entropy():
    views = RANDOM.normal(size=(3, 4, 5))
    p = special.softmax(views, axis=-1)
    expected = special.entr(p.mean(axis=0)).sum(axis=-1) - special.entr(p).sum(axis=-1).mean(axis=0)
    assert_agrees(augmix, dict(zip(("clean", "first", "second"), views, strict=True)), expected)
