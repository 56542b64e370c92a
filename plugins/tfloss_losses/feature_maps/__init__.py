"""Distillation of feature maps: what the teacher's channels say, and where.

teacher_maps, maps: (batch, …, k), a layer of the teacher and one of the student, of one shape; what
lies between the first axis and the last are places.
"""

from __future__ import annotations

from typing import Any

import tfloss
from tfloss_losses.feature_maps.answers import generalised_js, universal_logit, weighted_soft_labels
from tfloss_losses.feature_maps.places import (
    activation_boundary,
    channel_wise,
    overhaul,
    pearson_maps,
)
from tfloss_losses.feature_maps.structure import (
    factor_match,
    hierarchical_context,
    neuron_selectivity,
)

__all__ = [
    "activation_boundary",
    "channel_wise",
    "factor_match",
    "generalised_js",
    "hierarchical_context",
    "neuron_selectivity",
    "overhaul",
    "pearson_maps",
    "universal_logit",
    "weighted_soft_labels",
]


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [
        channel_wise,
        pearson_maps,
        activation_boundary,
        overhaul,
        factor_match,
        hierarchical_context,
        neuron_selectivity,
        weighted_soft_labels,
        generalised_js,
        universal_logit,
    ]
