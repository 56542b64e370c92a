"""Losses of sound against scipy's short-time Fourier transform and the papers' ratios."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from tfloss import tf
from tfloss_losses import audio
from tfloss_losses.audio import (
    error_to_signal,
    log_mel,
    log_spectral,
    multi_resolution_stft,
    sd_sdr,
    si_sdr,
    snr,
    spectral_convergence,
)

from .checks import of
from .oracles import assert_agrees, assert_passes_the_kit

RANDOM = np.random.default_rng(0)
A = RANDOM.normal(size=(3, 400))
B = A + 0.5 * RANDOM.normal(size=A.shape)
DATA = {"labels": A, "prediction": B}


@pytest.mark.parametrize("loss", audio.tfloss_losses(), ids=lambda loss: loss.name)
def test_the_kit(loss):
    assert_passes_the_kit(loss)


def _spectrum(waves, frame, hop):
    """|STFT| by scipy.signal.ShortTimeFFT, whose frames are centred at multiples of the hop."""
    window = signal.get_window("hann", frame)
    count = -(-(waves.shape[1] + frame // 2) // hop)
    padded = np.pad(waves, ((0, 0), (0, 2 * frame)))
    transform = signal.ShortTimeFFT(window, hop, fs=1, phase_shift=None)
    found = np.abs(transform.stft(padded, p0=0, p1=count, axis=1))
    return np.swapaxes(found, 1, 2)


def _parts(frame, hop):
    one, two = (np.sqrt(np.maximum(_spectrum(x, frame, hop) ** 2, 1e-7)) for x in (A, B))
    convergence = np.linalg.norm(one - two, axis=(1, 2)) / np.linalg.norm(one, axis=(1, 2))
    return convergence, np.abs(np.log(one) - np.log(two)).mean(axis=(1, 2))


def test_spectra_are_scipys():
    convergence, logs = _parts(64, 16)
    assert_agrees(spectral_convergence, DATA, convergence, frame=64, hop=16)
    assert_agrees(log_spectral, DATA, logs, frame=64, hop=16)


def test_several_resolutions_are_their_mean():
    expected = np.mean([np.sum(_parts(frame, frame // 4), axis=0) for frame in (32, 64)], axis=0)
    assert_agrees(multi_resolution_stft, DATA, expected, frames=[32, 64])


def test_mel_bands_are_triangles_on_the_mel_scale():
    def mel(f):
        return 1127.0 * np.log(1 + f / 700)

    edges = np.linspace(mel(80.0), mel(4000.0), 7)
    bins = mel(np.linspace(0, 4000, 33))
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    up, down = (bins[:, None] - low) / (middle - low), (high - bins[:, None]) / (high - middle)
    matrix = np.maximum(0, np.minimum(up, down))
    matrix[0] = 0  # TensorFlow leaves out the frequency 0
    bands = [
        np.log(np.sqrt(np.maximum(_spectrum(x, 64, 16) ** 2, 1e-7)) @ matrix + 1e-7) for x in (A, B)
    ]
    expected = np.abs(bands[0] - bands[1]).mean(axis=(1, 2))
    assert_agrees(log_mel, DATA, expected, frame=64, hop=16, bands=5, rate=8000, rtol=1e-6)


def test_signal_to_distortion():
    a, b = (x - x.mean(axis=1, keepdims=True) for x in (A, B))
    scale = np.sum(a * b, axis=1) / np.sum(a * a, axis=1)
    target = scale[:, None] * a
    energy = np.sum(target**2, axis=1)
    expected = -10 * np.log10(energy / np.sum((b - target) ** 2, axis=1))
    assert_agrees(si_sdr, DATA, expected)
    assert_agrees(sd_sdr, DATA, -10 * np.log10(energy / np.sum((b - a) ** 2, axis=1)))
    ratio = np.sum(A**2, axis=1) / np.sum((A - B) ** 2, axis=1)
    assert_agrees(snr, DATA, -10 * np.log10(ratio))
    assert_agrees(error_to_signal, DATA, 1 / ratio)
    louder = DATA | {"prediction": 3 * B + 1}
    np.testing.assert_allclose(of(si_sdr, louder), of(si_sdr, DATA), rtol=1e-8)
    assert np.all(of(sd_sdr, louder) > of(sd_sdr, DATA))


@pytest.mark.parametrize("times", [1.0, 3.0, -0.7])
def test_a_multiple_of_the_target_is_perfect_and_rounding_has_no_gradient(times):
    """In float32 the residual is rounding; its logarithm's gradient was 17.6 or -4.3 by chance."""
    labels = tf.constant(1e2 * A, tf.float32)
    prediction = times * labels
    for compiled in (False, True):

        @tf.function(jit_compile=compiled)
        def gradient(prediction):
            with tf.GradientTape() as tape:
                tape.watch(prediction)
                values = si_sdr(labels, prediction)
            return values, tape.gradient(values, prediction)

        values, slope = gradient(prediction)
        np.testing.assert_allclose(values, -80.0)
        np.testing.assert_allclose(slope, 0.0)


def test_a_shifted_target_is_perfect_to_the_scale_dependent_ratio_too():
    labels = tf.constant(1e2 * A, tf.float32)
    shifted = labels + 7.3
    with tf.GradientTape() as tape:
        tape.watch(shifted)
        values = sd_sdr(labels, shifted)
    np.testing.assert_allclose(values, -80.0)
    np.testing.assert_allclose(tape.gradient(values, shifted), 0.0)


def test_silence_is_finite():
    silence = {"labels": 0 * A, "prediction": 0 * B}
    for loss in audio.tfloss_losses():
        assert np.all(np.isfinite(of(loss, silence)))
