"""Images: likeness as people see it, and smoothness. (batch, height, width, channels)."""

from __future__ import annotations

from typing import Any

import tfloss
from tfloss_losses.images.depth import scale_invariant_log
from tfloss_losses.images.likeness import ms_ssim, psnr, ssim
from tfloss_losses.images.slopes import (
    edge_aware_smoothness,
    gradient_difference,
    image_total_variation,
)
from tfloss_losses.images.textures import focal_frequency, style

__all__ = [
    "edge_aware_smoothness",
    "focal_frequency",
    "gradient_difference",
    "image_total_variation",
    "ms_ssim",
    "psnr",
    "scale_invariant_log",
    "ssim",
    "style",
]


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [
        ssim,
        ms_ssim,
        psnr,
        image_total_variation,
        gradient_difference,
        edge_aware_smoothness,
        scale_invariant_log,
        style,
        focal_frequency,
    ]
