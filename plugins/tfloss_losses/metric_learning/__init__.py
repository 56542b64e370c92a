"""Metric learning: embeddings whose distances say what belongs together, by pairs of a batch.

As those of contrastive.py they look at an inner layer, `multi_similarity(embedding=hidden2)`, give
one value per batch, and take labels as one-hot rows or as one column that holds the class's number.
Memory grows with the square of the batch.
"""

from __future__ import annotations

from typing import Any

import tfloss
from tfloss_losses.metric_learning.neighbours import fast_ap, nca, ranked_list
from tfloss_losses.metric_learning.pairs import (
    intra_pair_variance,
    lifted_structure,
    margin_pairs,
    multi_similarity,
    snr_contrastive,
)
from tfloss_losses.metric_learning.tuples import angular, tuplet_margin

__all__ = [
    "angular",
    "fast_ap",
    "intra_pair_variance",
    "lifted_structure",
    "margin_pairs",
    "multi_similarity",
    "nca",
    "ranked_list",
    "snr_contrastive",
    "tuplet_margin",
]


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [
        multi_similarity,
        lifted_structure,
        nca,
        margin_pairs,
        angular,
        tuplet_margin,
        snr_contrastive,
        ranked_list,
        fast_ap,
        intra_pair_variance,
    ]
