"""Waveforms compared by their spectra: what sounds alike is near, whatever the phase."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, Each, Length
from tfloss.ops import mean_per_example
from tfloss_losses.audio.common import EXAMPLE, WAVES, refuse_no_waves

_HOP = {"settings over their range": "a frame shorter than the hop is refused"}


def _magnitudes(waves: Any, frame: int, hop: int, smallest: float) -> Any:
    """Magnitudes of the short-time Fourier transform with Hann's window, (batch, frames, bins).

    Below the root of `smallest` a magnitude counts as that, with slope 0.
    """
    window = tf.signal.hann_window(frame, dtype=waves.dtype)
    centred = tf.pad(waves, [[0, 0], [frame // 2, 0]])
    frames = tf.signal.frame(centred, frame, hop, pad_end=True) * window
    spectrum = tf.signal.rfft(frames)
    power = tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))
    return tf.sqrt(tf.maximum(power, smallest))


def _spectra(
    labels: Any, prediction: Any, frame: int, hop: int, smallest: float
) -> tuple[Any, Any]:
    if hop > frame:
        raise ValueError(f"The setting 'hop' is {hop} but must not be above the frame, {frame}.")
    refuse_no_waves(labels)
    return tuple(_magnitudes(waves, frame, hop, smallest) for waves in (labels, prediction))


def _norm(values: Any) -> Any:
    """Frobenius norm of each example; 0 below 1e-6, with slope 0."""
    square = tf.reduce_sum(tf.square(values), axis=[1, 2])
    found = tf.sqrt(tf.maximum(square, 1e-12))
    return tf.where(square <= 1e-12, 0 * square, found)


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"\frac{\Vert|Y|-|\hat Y|\Vert_F}{\Vert|Y|\Vert_F}",
    range=(0, None),
    zero_at_optimum=True,
    domains=WAVES,
    family="audio",
    exempt=_HOP,
    example="spectral_convergence" + EXAMPLE,
)
def spectral_convergence(
    labels: Any,
    prediction: Any,
    *,
    frame: Annotated[int, AtLeast(2)] = 512,
    hop: Annotated[int, AtLeast(1)] = 128,
    smallest: Annotated[float, Above(0)] = 1e-7,
) -> Any:
    """Spectral convergence: how much of the spectrum's energy is missed; loud parts count.

    labels, prediction: (batch, samples).
    Returns (batch,).

    frame, hop: of the short-time Fourier transform, in samples.
    smallest: the squared magnitude below which none is taken, positive.

    Source: Arık, Jun and Diamos 2019, "Fast spectrogram inversion using multi-head convolutional
    neural networks".
    """
    is_, said = _spectra(labels, prediction, frame, hop, smallest)
    return _norm(is_ - said) / _norm(is_)


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"\mathrm{mean}\bigl|\log|Y|-\log|\hat Y|\bigr|",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    kinks=("two magnitudes are equal",),
    domains=WAVES,
    family="audio",
    exempt=_HOP,
    example="log_spectral" + EXAMPLE,
)
def log_spectral(
    labels: Any,
    prediction: Any,
    *,
    frame: Annotated[int, AtLeast(2)] = 512,
    hop: Annotated[int, AtLeast(1)] = 128,
    smallest: Annotated[float, Above(0)] = 1e-7,
) -> Any:
    """Log-spectral distance: quiet parts count as loud ones do.

    labels, prediction: (batch, samples).
    Returns (batch,): the mean over frames and frequencies.

    frame, hop: of the short-time Fourier transform, in samples.
    smallest: the squared magnitude below which none is taken, positive.

    Source: Arık, Jun and Diamos 2019, "Fast spectrogram inversion using multi-head convolutional
    neural networks".
    """
    is_, said = _spectra(labels, prediction, frame, hop, smallest)
    return mean_per_example(tf.abs(tf.math.log(is_) - tf.math.log(said)))


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"\frac1M\sum_m\mathrm{SC}_m+\mathrm{mean}\bigl|\log|Y_m|-\log|\hat Y_m|\bigr|",
    range=(0, None),
    zero_at_optimum=True,
    kinks=("two magnitudes are equal",),
    domains=WAVES,
    family="audio",
    example="multi_resolution_stft" + EXAMPLE,
)
def multi_resolution_stft(
    labels: Any,
    prediction: Any,
    *,
    frames: Annotated[Sequence[int], Length(1), Each(AtLeast(2))] = (1024, 2048, 512),
    smallest: Annotated[float, Above(0)] = 1e-7,
) -> Any:
    """Multi-resolution STFT loss: spectral convergence and log-spectra at several frame lengths.

    labels, prediction: (batch, samples).
    Returns (batch,): the mean over the lengths.

    frames: the lengths of frames in samples; each goes on by a quarter of its length.
    smallest: the squared magnitude below which none is taken, positive.

    Source: Yamamoto, Song and Kim 2020, "Parallel WaveGAN: a fast waveform generation model based
    on generative adversarial networks with multi-resolution spectrogram", with hops of a quarter.
    """
    total = 0.0
    for frame in frames:
        is_, said = _spectra(labels, prediction, int(frame), max(int(frame) // 4, 1), smallest)
        total += _norm(is_ - said) / _norm(is_)
        total += mean_per_example(tf.abs(tf.math.log(is_) - tf.math.log(said)))
    return total / len(frames)


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"\mathrm{mean}\bigl|\log M|Y|-\log M|\hat Y|\bigr|",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    kinks=("two magnitudes are equal",),
    domains=WAVES,
    family="audio",
    exempt=_HOP,
    example="log_mel(labels=wave, prediction=spoken, bands=8)",
)
def log_mel(
    labels: Any,
    prediction: Any,
    *,
    frame: Annotated[int, AtLeast(2)] = 512,
    hop: Annotated[int, AtLeast(1)] = 128,
    bands: Annotated[int, AtLeast(1)] = 40,
    rate: Annotated[int, AtLeast(2)] = 16000,
    smallest: Annotated[float, Above(0)] = 1e-7,
) -> Any:
    """Log-mel distance: spectra in the bands that people hear.

    labels, prediction: (batch, samples).
    Returns (batch,): the mean over frames and bands.

    frame, hop: of the short-time Fourier transform, in samples.
    bands: how many, spread by the mel scale from 80 Hz (or a hundredth of the rate) to half the
    rate.
    rate: samples per second.
    smallest: the squared magnitude below which none is taken, positive; also added to each band.

    Source: the mel scale of Stevens, Volkmann and Newman 1937, "A scale for the measurement of the
    psychological magnitude pitch"; the matrix is tf.signal.linear_to_mel_weight_matrix.
    """
    is_, said = _spectra(labels, prediction, frame, hop, smallest)
    matrix = tf.signal.linear_to_mel_weight_matrix(
        bands, frame // 2 + 1, rate, min(80.0, rate / 100), rate / 2, dtype=labels.dtype
    )
    one, two = (tf.math.log(tf.tensordot(x, matrix, 1) + smallest) for x in (is_, said))
    return mean_per_example(tf.abs(one - two))
