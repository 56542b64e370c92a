"""What losses of sound have in common."""

from __future__ import annotations

from typing import Any

WAVES = {"labels": "numbers", "prediction": "numbers"}
EXAMPLE = "(labels=wave, prediction=spoken)"


def refuse_no_waves(waves: Any) -> None:
    """Raise ValueError where a tensor is not (batch, samples)."""
    if len(waves.shape) != 2:
        raise ValueError(f"Waveforms must be (batch, samples), not {tuple(waves.shape)}.")
