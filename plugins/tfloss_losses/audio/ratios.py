"""Waveforms compared sample by sample: how much of one is in the other, against what is not."""

from __future__ import annotations

import math
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above
from tfloss_losses.audio.common import EXAMPLE, WAVES, refuse_no_waves

# Of a distortion with less than 1e-8 of the target's energy float32 holds mostly rounding, and the
# gradient of its logarithm would be that of the rounding.
_LEAST = -80.0


def _ratio(target: Any, rest: Any, smallest: float) -> Any:
    """Minus the energy of one over that of the other, in decibels, (batch,)."""
    signal = tf.reduce_sum(tf.square(target), axis=-1)
    noise = tf.reduce_sum(tf.square(rest), axis=-1)
    return 10 / math.log(10) * (tf.math.log(noise + smallest) - tf.math.log(signal + smallest))


def _scaled(labels: Any, prediction: Any, smallest: float) -> tuple[Any, Any]:
    """Both without their mean, and the factor that brings the target nearest to the prediction."""
    refuse_no_waves(labels)
    is_, said = (x - tf.reduce_mean(x, axis=-1, keepdims=True) for x in (labels, prediction))
    energy = tf.reduce_sum(tf.square(is_), axis=-1, keepdims=True)
    shared = tf.reduce_sum(is_ * said, axis=-1, keepdims=True)
    factor = shared / tf.maximum(energy, smallest)
    return is_ * factor, said


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"-10\log_{10}\frac{\Vert\alpha y\Vert^2}{\Vert\hat y-\alpha y\Vert^2},"
    r"\ \alpha=\frac{\hat y^\top y}{\Vert y\Vert^2}",
    domains=WAVES,
    family="audio",
    example="si_sdr" + EXAMPLE,
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
    domains=WAVES,
    family="audio",
    example="sd_sdr" + EXAMPLE,
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
    domains=WAVES,
    family="audio",
    example="snr" + EXAMPLE,
)
def snr(labels: Any, prediction: Any, *, smallest: Annotated[float, Above(0)] = 1e-8) -> Any:
    """Signal-to-noise ratio, negative.

    labels, prediction: (batch, samples).
    Returns (batch,), in decibels below the signal.

    smallest: added to both energies, positive.

    Source: the definition in Le Roux et al. 2019, "SDR: half-baked or well done?".
    """
    refuse_no_waves(labels)
    return _ratio(labels, prediction - labels, smallest)


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"\frac{\sum(y-\hat y)^2}{\sum y^2+\epsilon}",
    range=(0, None),
    zero_at_optimum=True,
    domains=WAVES,
    family="audio",
    example="error_to_signal" + EXAMPLE,
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
    refuse_no_waves(labels)
    energy = tf.reduce_sum(tf.square(labels), axis=-1)
    error = tf.reduce_sum(tf.math.squared_difference(labels, prediction), axis=-1)
    return error / (energy + smallest)
