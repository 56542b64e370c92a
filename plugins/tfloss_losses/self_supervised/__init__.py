"""Self-supervision: two views of each example agree, and the examples stay apart.

first, second: (batch, …), what the student makes of two views (two layers, or two branches); row i
of both belongs to example i. All give one value per batch but where said.
"""

from __future__ import annotations

from typing import Any

import tfloss
from tfloss_losses.self_supervised.assignments import dino, mean_entropy_maximization, swav
from tfloss_losses.self_supervised.contrasted_views import dcl, dclw, siglip, spectral_contrastive
from tfloss_losses.self_supervised.spread import alignment, koleo, simsiam, uniformity
from tfloss_losses.self_supervised.statistics import frossl, mmcr, tico

__all__ = [
    "alignment",
    "dcl",
    "dclw",
    "dino",
    "frossl",
    "koleo",
    "mean_entropy_maximization",
    "mmcr",
    "siglip",
    "simsiam",
    "spectral_contrastive",
    "swav",
    "tico",
    "uniformity",
]


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [
        siglip,
        dcl,
        dclw,
        alignment,
        uniformity,
        koleo,
        simsiam,
        spectral_contrastive,
        mmcr,
        tico,
        swav,
        dino,
        frossl,
        mean_entropy_maximization,
    ]
