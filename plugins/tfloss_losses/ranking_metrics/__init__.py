"""Ranking by smooth versions of what is measured, and by pairs and lists of other shapes.

As in ranking.py: labels (batch, items), relevance, a negative one for an empty place; prediction
(batch, items), the scores.
"""

from __future__ import annotations

from typing import Any

import tfloss
from tfloss_losses.ranking_metrics.pairs import pairwise_hinge, pairwise_mse, pairwise_soft_zero_one
from tfloss_losses.ranking_metrics.smooth import approx_mrr, approx_ndcg, neural_sort_ndcg, spearman
from tfloss_losses.ranking_metrics.softmax import calibrated_softmax, poly1_softmax, unique_softmax

__all__ = [
    "approx_mrr",
    "approx_ndcg",
    "calibrated_softmax",
    "neural_sort_ndcg",
    "pairwise_hinge",
    "pairwise_mse",
    "pairwise_soft_zero_one",
    "poly1_softmax",
    "spearman",
    "unique_softmax",
]


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [
        approx_ndcg,
        approx_mrr,
        pairwise_hinge,
        pairwise_mse,
        pairwise_soft_zero_one,
        unique_softmax,
        calibrated_softmax,
        poly1_softmax,
        neural_sort_ndcg,
        spearman,
    ]
