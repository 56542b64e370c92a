"""Sequence losses against sums over every path."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import special

from tfloss import tf
from tfloss_losses.sequences import crf, ctc

from .oracles import assert_passes_the_kit

RANDOM = np.random.default_rng(0)
FRAMES = RANDOM.normal(size=(3, 5, 4))
TOKENS = np.array([[1, 2, -1], [3, 3, 1], [2, -1, -1]])


def test_the_kit():
    assert_passes_the_kit(crf)


def call_ctc(logits, tokens=TOKENS, **more):
    return ctc(tf.constant(tokens, tf.int32), tf.constant(logits), **more).numpy()


def _collapsed(path, blank):
    return [k for k, _ in itertools.groupby(path) if k != blank]


@pytest.mark.parametrize("blank", [0, 3])
def test_ctc_is_the_sum_over_every_path(blank):
    tokens = np.where(TOKENS == 3, 0, TOKENS) if blank == 3 else TOKENS
    chances, expected = special.softmax(FRAMES, axis=-1), []
    for p, row in zip(chances, tokens, strict=True):
        wanted = [t for t in row if t >= 0]
        total = sum(
            np.prod(p[np.arange(5), list(path)])
            for path in itertools.product(range(4), repeat=5)
            if _collapsed(path, blank) == wanted
        )
        expected.append(-np.log(total))
    found = call_ctc(FRAMES.astype(np.float32), tokens, blank=blank)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_ctc_leaves_out_frames_beyond_the_length():
    short = call_ctc(FRAMES[:, :4].astype(np.float32))
    length = tf.constant([4, 4, 4])
    found = ctc(tf.constant(TOKENS, tf.int32), tf.constant(FRAMES, tf.float32), length)
    np.testing.assert_allclose(found, short, rtol=1e-5)


def test_a_text_longer_than_its_frames_costs_nothing_and_has_no_gradient():
    logits = tf.Variable(FRAMES[:, :2].astype(np.float32))
    with tf.GradientTape() as tape:
        values = ctc(tf.constant(TOKENS, tf.int32), logits)
    gradient = tape.gradient(values, logits).numpy()
    assert values[1] == 0
    assert not np.any(gradient[1])
    assert np.all(np.isfinite(gradient))
    assert np.any(gradient[0])


def test_ctc_of_large_logits_is_finite():
    for scale in (0.0, 1e4):
        logits = tf.Variable((scale * FRAMES).astype(np.float32))
        with tf.GradientTape() as tape:
            values = ctc(tf.constant(TOKENS, tf.int32), logits)
        assert np.all(np.isfinite(values))
        assert np.all(np.isfinite(tape.gradient(values, logits)))


def test_ctcs_settings_and_shapes():
    with pytest.raises(ValueError, match="blank"):
        call_ctc(FRAMES, blank=4)
    with pytest.raises(ValueError, match="shape"):
        call_ctc(FRAMES[:2])


def test_crf_is_the_share_of_one_path_in_all():
    held, tags = RANDOM.normal(size=(4, 4)), RANDOM.integers(0, 4, size=(3, 5))

    def score(z, path):
        steps = sum(held[a, b] for a, b in itertools.pairwise(path))
        return steps + sum(z[t, tag] for t, tag in enumerate(path))

    expected = []
    for z, path in zip(FRAMES, tags, strict=True):
        all_paths = [score(z, p) for p in itertools.product(range(4), repeat=5)]
        expected.append(special.logsumexp(all_paths) - score(z, path))
    from tfloss.objective.loss_variables import State

    state = State({"transitions": tf.constant(held)}, dtype=tf.float64)
    found = crf(tf.constant(tags, tf.int32), tf.constant(FRAMES), state=state)
    np.testing.assert_allclose(found, expected)
    short = np.where(np.arange(5) < 3, tags, -1)
    whole = crf(tf.constant(short, tf.int32), tf.constant(FRAMES), state=state)
    cut = crf(tf.constant(tags[:, :3], tf.int32), tf.constant(FRAMES[:, :3]), state=state)
    np.testing.assert_allclose(whole, cut)
