"""Sound: waveforms compared by their spectra, or by what of one is in the other.

Waveforms are (batch, samples). The first frame of a spectrum is centred at the first sample, as the
window is 0 at its border; what frames lack before and after is silence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, Each, Length
from tfloss.ops import mean_per_example

_WAVES = {"labels": "numbers", "prediction": "numbers"}
_EXAMPLE = "(labels=wave, prediction=spoken)"
_HOP = {"settings over their range": "a frame shorter than the hop is refused"}

# Of a distortion with less than 1e-8 of the target's energy float32 holds mostly rounding, and the
# gradient of its logarithm would be that of the rounding.
_LEAST = -80.0


def _waves(labels: Any, prediction: Any) -> None:
    if len(labels.shape) != 2:
        raise ValueError(f"Waveforms must be (batch, samples), not {tuple(labels.shape)}.")


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
    _waves(labels, prediction)
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
    domains=_WAVES,
    family="audio",
    exempt=_HOP,
    example="spectral_convergence" + _EXAMPLE,
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
    domains=_WAVES,
    family="audio",
    exempt=_HOP,
    example="log_spectral" + _EXAMPLE,
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
    domains=_WAVES,
    family="audio",
    example="multi_resolution_stft" + _EXAMPLE,
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
    domains=_WAVES,
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


def _ratio(target: Any, rest: Any, smallest: float) -> Any:
    """Minus the energy of one over that of the other, in decibels, (batch,)."""
    signal = tf.reduce_sum(tf.square(target), axis=-1)
    noise = tf.reduce_sum(tf.square(rest), axis=-1)
    return 10 / math.log(10) * (tf.math.log(noise + smallest) - tf.math.log(signal + smallest))


def _scaled(labels: Any, prediction: Any, smallest: float) -> tuple[Any, Any]:
    """Both without their mean, and the factor that brings the target nearest to the prediction."""
    _waves(labels, prediction)
    is_, said = (x - tf.reduce_mean(x, axis=-1, keepdims=True) for x in (labels, prediction))
    energy = tf.reduce_sum(tf.square(is_), axis=-1, keepdims=True)
    shared = tf.reduce_sum(is_ * said, axis=-1, keepdims=True)
    factor = shared / tf.maximum(energy, smallest)
    return is_ * factor, said


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"-10\log_{10}\frac{\Vert\alpha y\Vert^2}{\Vert\hat y-\alpha y\Vert^2},"
    r"\ \alpha=\frac{\hat y^\top y}{\Vert y\Vert^2}",
    domains=_WAVES,
    family="audio",
    example="si_sdr" + _EXAMPLE,
)
def si_sdr(labels: Any, prediction: Any, *, smallest: Annotated[float, Above(0)] = 1e-8) -> Any:
    """Scale-invariant signal-to-distortion ratio, negative: whatever the volume.

    labels, prediction: (batch, samples); their means are taken off.
    Returns (batch,), in decibels below the signal, at least -80: a distortion with less than 1e-8
    of the target's energy is rounding in float32; the value is then constant, its gradient 0.

    smallest: added to both energies, positive, so that silence is finite.

    Source: Le Roux et al. 2019, "SDR: half-baked or well done?", eq. 5.
    """
    target, said = _scaled(labels, prediction, smallest)
    return tf.maximum(_ratio(target, said - target, smallest), _LEAST)


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"-10\log_{10}\frac{\Vert\alpha y\Vert^2}{\Vert\hat y-y\Vert^2},"
    r"\ \alpha=\frac{\hat y^\top y}{\Vert y\Vert^2}",
    domains=_WAVES,
    family="audio",
    example="sd_sdr" + _EXAMPLE,
)
def sd_sdr(labels: Any, prediction: Any, *, smallest: Annotated[float, Above(0)] = 1e-8) -> Any:
    """Scale-dependent signal-to-distortion ratio, negative: a wrong volume is a distortion.

    labels, prediction: (batch, samples); their means are taken off.
    Returns (batch,), in decibels below the signal, at least -80, as of si_sdr.

    smallest: added to both energies, positive.

    Source: Le Roux et al. 2019, "SDR: half-baked or well done?", section 4.
    """
    target, said = _scaled(labels, prediction, smallest)
    is_ = labels - tf.reduce_mean(labels, axis=-1, keepdims=True)
    return tf.maximum(_ratio(target, said - is_, smallest), _LEAST)


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"-10\log_{10}\frac{\Vert y\Vert^2}{\Vert\hat y-y\Vert^2}",
    domains=_WAVES,
    family="audio",
    example="snr" + _EXAMPLE,
)
def snr(labels: Any, prediction: Any, *, smallest: Annotated[float, Above(0)] = 1e-8) -> Any:
    """Signal-to-noise ratio, negative.

    labels, prediction: (batch, samples).
    Returns (batch,), in decibels below the signal.

    smallest: added to both energies, positive.

    Source: the definition in Le Roux et al. 2019, "SDR: half-baked or well done?".
    """
    _waves(labels, prediction)
    return _ratio(labels, prediction - labels, smallest)


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"\frac{\sum(y-\hat y)^2}{\sum y^2+\epsilon}",
    range=(0, None),
    zero_at_optimum=True,
    domains=_WAVES,
    family="audio",
    example="error_to_signal" + _EXAMPLE,
)
def error_to_signal(
    labels: Any, prediction: Any, *, smallest: Annotated[float, Above(0)] = 1e-8
) -> Any:
    """Error-to-signal ratio: the squared error over the signal's energy.

    labels, prediction: (batch, samples).
    Returns (batch,).

    smallest: ε, positive.

    Source: Wright, Damskägg and Välimäki 2019, "Real-time black-box modelling with recurrent neural
    networks".
    """
    _waves(labels, prediction)
    energy = tf.reduce_sum(tf.square(labels), axis=-1)
    error = tf.reduce_sum(tf.math.squared_difference(labels, prediction), axis=-1)
    return error / (energy + smallest)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [
        spectral_convergence,
        log_spectral,
        multi_resolution_stft,
        log_mel,
        si_sdr,
        sd_sdr,
        snr,
        error_to_signal,
    ]
