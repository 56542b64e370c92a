"""Rankings by pairs of items."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above
from tfloss_losses.ranking import (
    LambdaWeight,
    _differences,
    _lists,
    _mean_of_pairs,
    _over_pairs,
)
from tfloss_losses.ranking_metrics.common import GRADES, SAME


@tfloss.loss(
    same_shape=SAME,
    latex=r"\mathrm{mean}_{y_i>y_j}\max(0,m-(s_i-s_j))",
    range=(0, None),
    kinks=("a pair is just a margin apart",),
    domains=GRADES,
    family="ranking",
)
def pairwise_hinge(
    labels: Any,
    prediction: Any,
    *,
    margin: Annotated[float, Above(0)] = 1.0,
    lambda_weight: LambdaWeight = None,
) -> Any:
    """Pairwise hinge loss (ranking SVM): the more relevant item leads by a margin.

    labels: (batch, items), relevance; a negative one marks an empty place.
    prediction: same shape, the scores.
    Returns (batch,): the mean over a list's pairs of unequal relevance, 0 without any.

    margin: m, in units of the scores.
    lambda_weight: "ndcg" weighs each pair by how much exchanging its items would change the list's
    NDCG, as lambda_rank does, and takes the sum over pairs; null (default) takes the plain mean.

    Source: Herbrich, Graepel and Obermayer 1999, "Support vector learning for ordinal regression".
    """
    relevance, scores, empty = _lists(labels, prediction)
    short = tf.nn.relu(margin - _differences(scores))
    return _over_pairs(short, relevance, scores, empty, lambda_weight)


@tfloss.loss(
    same_shape=SAME,
    latex=r"\mathrm{mean}_{i\ne j}\bigl((y_i-y_j)-(s_i-s_j)\bigr)^2",
    range=(0, None),
    domains=GRADES,
    family="ranking",
)
def pairwise_mse(labels: Any, prediction: Any) -> Any:
    """Pairwise squared error: differences of scores are differences of relevance.

    labels: (batch, items), relevance; a negative one marks an empty place.
    prediction: same shape, the scores.
    Returns (batch,): the mean over all ordered pairs of a list's items.

    Source: as in TF-Ranking and KerasRS, PairwiseMeanSquaredError.
    """
    relevance, scores, empty = _lists(labels, prediction)
    apart = tf.square(_differences(relevance) - _differences(scores))
    there = tf.cast(~empty, scores.dtype)
    pairs = there[:, :, None] * there[:, None, :]
    return _mean_of_pairs(apart, tf.linalg.set_diag(pairs, tf.zeros_like(scores)))


@tfloss.loss(
    same_shape=SAME,
    latex=r"\mathrm{mean}_{y_i>y_j}\sigma(s_j-s_i)",
    range=(0, 1),
    domains=GRADES,
    family="ranking",
)
def pairwise_soft_zero_one(
    labels: Any, prediction: Any, *, lambda_weight: LambdaWeight = None
) -> Any:
    """Pairwise soft zero-one loss: the share of pairs in the wrong order, smoothly.

    labels: (batch, items), relevance; a negative one marks an empty place.
    prediction: same shape, the scores.
    Returns (batch,): the mean over a list's pairs of unequal relevance, 0 without any.

    lambda_weight: "ndcg" weighs each pair by how much exchanging its items would change the list's
    NDCG, as lambda_rank does, and takes the sum over pairs; null (default) takes the plain mean.

    Source: as in TF-Ranking and KerasRS, PairwiseSoftZeroOneLoss.
    """
    relevance, scores, empty = _lists(labels, prediction)
    cost = tf.sigmoid(-_differences(scores))
    return _over_pairs(cost, relevance, scores, empty, lambda_weight)
