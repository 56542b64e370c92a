"""Segmentation: the overlap of what is and what is said, per image, and its border.

labels: (batch, …, C) one-hot, or (batch, …, 1) with 1 where the thing is; logits: same shape. What
lies between the first axis and the last are places: pixels, voxels, or none.
"""

from __future__ import annotations

from typing import Any

import tfloss
from tfloss_losses.segmentation.mixed import combo, matthews, unified_focal
from tfloss_losses.segmentation.outlines import boundary, centreline_dice, hausdorff_distance
from tfloss_losses.segmentation.overlap import (
    focal_tversky,
    generalised_dice,
    image_dice,
    log_cosh_dice,
)

__all__ = [
    "boundary",
    "centreline_dice",
    "combo",
    "focal_tversky",
    "generalised_dice",
    "hausdorff_distance",
    "image_dice",
    "log_cosh_dice",
    "matthews",
    "unified_focal",
]


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [
        image_dice,
        log_cosh_dice,
        generalised_dice,
        focal_tversky,
        combo,
        boundary,
        hausdorff_distance,
        matthews,
        centreline_dice,
        unified_focal,
    ]
