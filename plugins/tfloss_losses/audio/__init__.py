"""Sound: waveforms compared by their spectra, or by what of one is in the other.

Waveforms are (batch, samples). The first frame of a spectrum is centred at the first sample, as the
window is 0 at its border; what frames lack before and after is silence.
"""

from __future__ import annotations

from typing import Any

import tfloss
from tfloss_losses.audio.ratios import error_to_signal, sd_sdr, si_sdr, snr
from tfloss_losses.audio.spectra import (
    log_mel,
    log_spectral,
    multi_resolution_stft,
    spectral_convergence,
)

__all__ = [
    "error_to_signal",
    "log_mel",
    "log_spectral",
    "multi_resolution_stft",
    "sd_sdr",
    "si_sdr",
    "snr",
    "spectral_convergence",
]


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this package's losses."""
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
