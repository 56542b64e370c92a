"""Functions of sequences against scipy and numpy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import get_window
from scipy.special import log_softmax

from tfloss import tf
from tfloss_functions.sequences import gather, log_prob, stft

_random = np.random.default_rng(0)
LOGITS = _random.normal(size=(3, 5, 7)).astype(np.float32)
TOKENS = _random.integers(0, 7, size=(3, 5))
MASK = np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 1], [0, 0, 0, 0, 0]], np.float32)


def by_loops(mask):
    log_p = log_softmax(LOGITS.astype(float), axis=-1)
    return [
        sum(mask[i, t] * log_p[i, t, TOKENS[i, t]] for t in range(5) if mask[i, t])
        for i in range(3)
    ]


@pytest.mark.parametrize("kind", [tf.int32, tf.int64, tf.float32])
def test_log_prob_adds_up_the_tokens_that_count(kind):
    tokens = tf.cast(TOKENS, kind)
    np.testing.assert_allclose(
        log_prob(tf.constant(LOGITS), tokens, tf.constant(MASK)), by_loops(MASK), rtol=1e-5
    )
    np.testing.assert_allclose(
        log_prob(tf.constant(LOGITS), tokens), by_loops(np.ones((3, 5))), rtol=1e-5
    )


def test_log_prob_does_not_read_padding():
    tokens, logits = TOKENS.copy(), LOGITS.copy()
    tokens[MASK == 0], logits[MASK == 0] = -1, 1e4
    x = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = log_prob(x, tf.constant(tokens), tf.constant(MASK))
    np.testing.assert_allclose(value, by_loops(MASK), rtol=1e-5)
    gradient = tape.gradient(value, x).numpy()
    assert np.all(gradient[MASK == 0] == 0)
    assert np.all(np.isfinite(gradient))


def test_log_prob_refuses_other_shapes():
    with pytest.raises(ValueError, match="steps, vocabulary"):
        log_prob(tf.zeros((3, 7)), tf.zeros((3, 5), tf.int32))


def test_gather_is_numpys_indexing():
    x = tf.constant(LOGITS)
    last = np.array([2, 4, 0])
    np.testing.assert_array_equal(gather(x, tf.constant(last)), LOGITS[np.arange(3), last])
    some = np.array([[0, 1], [4, 4], [2, 3]])
    np.testing.assert_array_equal(gather(x, some), LOGITS[np.arange(3)[:, None], some])


def test_stft_is_numpys_transform_of_each_frame():
    x = _random.normal(size=(2, 40)).astype(np.float32)
    frames = np.stack([x[:, s : s + 16] for s in range(0, 25, 8)], axis=1)
    expected = np.abs(np.fft.rfft(frames * get_window("hann", 16), axis=-1))
    np.testing.assert_allclose(stft(tf.constant(x), frame=16, step=8), expected, atol=1e-4)


def test_stft_of_silence_has_a_finite_gradient():
    x = tf.zeros((1, 32))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = stft(x, frame=16, step=8)
    assert np.all(np.isfinite(y))
    assert np.all(np.isfinite(tape.gradient(y, x)))
