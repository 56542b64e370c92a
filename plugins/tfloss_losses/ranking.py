"""Learning to rank: an example is a list of items, of which the relevant ones shall come first.

labels: (batch, items), how relevant each item is, 0 or more; a negative label says that the place
is empty, for lists of unequal length. prediction: (batch, items), their scores, of any size.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, OneOf
from tfloss.ops import LOWEST

LambdaWeight = Annotated[str | None, OneOf(None, "ndcg")]


def _lists(labels: Any, prediction: Any) -> tuple[Any, Any, Any]:
    """Relevance and score of each item, both 0 at an empty place, and whether it is empty."""
    if len(prediction.shape) != 2:
        raise ValueError(f"A ranking needs (batch, items) but got {tuple(prediction.shape)}.")
    empty = labels < 0
    return (
        tf.where(empty, tf.zeros_like(labels), labels),
        tf.where(empty, tf.zeros_like(prediction), prediction),
        empty,
    )


def _differences(values: Any) -> Any:
    """Value of item i less that of item j, (batch, i, j)."""
    return values[:, :, None] - values[:, None, :]


def _more_relevant(relevance: Any, empty: Any) -> Any:
    """1 where item i is more relevant than j and both are there, (batch, i, j); NaN stays NaN."""
    gap = _differences(relevance)
    ahead = tf.where(gap > 0, tf.ones_like(gap), 0 * gap)
    return tf.where(empty[:, :, None] | empty[:, None, :], tf.zeros_like(gap), ahead)


def _comes_before(values: Any) -> Any:
    """Whether item i stands before j in falling order, (batch, i, j); of equals the first does."""
    places = tf.range(tf.shape(values)[-1])
    gap = _differences(values)
    return (gap > 0) | ((gap == 0) & (places[:, None] < places[None, :]))


def _mean_of_pairs(values: Any, pairs: Any) -> Any:
    """Mean over the pairs that count, (batch,); 0 for a list without any."""
    count = tf.reduce_sum(pairs, axis=[1, 2])
    return tf.reduce_sum(pairs * values, axis=[1, 2]) / tf.maximum(count, 1)


def _over_pairs(
    cost: Any, relevance: Any, scores: Any, empty: Any, lambda_weight: str | None
) -> Any:
    """What pairs of unequal relevance cost: their mean, or their sum by changes of the NDCG."""
    ahead = _more_relevant(relevance, empty)
    if lambda_weight is None:
        return _mean_of_pairs(cost, ahead)
    changes = tf.stop_gradient(_ndcg_changes(relevance, scores, empty))
    return tf.reduce_sum(ahead * changes * cost, axis=[1, 2])


def _log_shares(scores: Any, empty: Any) -> Any:
    """Logarithm of the softmax over a list's items."""
    return tf.nn.log_softmax(tf.where(empty, tf.constant(LOWEST, scores.dtype), scores))


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"\mathrm{mean}_{y_i>y_j}\log\bigl(1+e^{-(s_i-s_j)}\bigr)",
    range=(0, None),
    zero_at_optimum=True,
    domains={"labels": "grades"},
)
def pairwise_logistic(labels: Any, prediction: Any, *, lambda_weight: LambdaWeight = None) -> Any:
    """Pairwise logistic loss: of two items, the more relevant one shall have the larger score.

    labels: (batch, items), relevance; a negative one marks an empty place.
    prediction: same shape, the scores.
    Returns (batch,), in nats: the mean over a list's pairs of unequal relevance, 0 without any.

    lambda_weight: "ndcg" weighs each pair by how much exchanging its items would change the list's
    NDCG, as lambda_rank does, and takes the sum over pairs; null (default) takes the plain mean.

    Source: Freund et al. 2003, "An efficient boosting algorithm for combining preferences"
    (RankBoost), with the logistic loss.
    """
    relevance, scores, empty = _lists(labels, prediction)
    cost = tf.nn.softplus(-_differences(scores))
    return _over_pairs(cost, relevance, scores, empty, lambda_weight)


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"\mathrm{mean}_{i\ne j}-\bar P_{ij}\,\sigma(s_i-s_j)"
    r"+\log\bigl(1+e^{\sigma(s_i-s_j)}\bigr)",
    range=(0, None),
    zero_at_optimum=False,
    domains={"labels": "grades"},
)
def ranknet(labels: Any, prediction: Any, *, sigma: Annotated[float, Above(0)] = 1.0) -> Any:
    """RankNet: cross-entropy of who comes first; equally relevant items shall score alike.

    labels: (batch, items), relevance; a negative one marks an empty place.
    prediction: same shape, the scores.
    Returns (batch,), in nats: the mean over all pairs of a list's items. The wanted probability of
    item i before j is 1, ½ or 0 as i is more, equally or less relevant.

    sigma: how steeply a difference of scores becomes a probability, positive.

    Source: Burges et al. 2005, "Learning to rank using gradient descent", eq. 3.
    """
    relevance, scores, empty = _lists(labels, prediction)
    ahead = _more_relevant(relevance, empty)
    wanted = (1 + ahead - tf.linalg.matrix_transpose(ahead)) / 2
    there = tf.cast(~empty, scores.dtype)
    pairs = there[:, :, None] * there[:, None, :]
    pairs = tf.linalg.set_diag(pairs, tf.zeros_like(scores))
    cost = tf.nn.sigmoid_cross_entropy_with_logits(wanted, sigma * _differences(scores))
    return _mean_of_pairs(cost, pairs)


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"-\sum_i\frac{e^{y_i}}{\sum_je^{y_j}}\log\frac{e^{s_i}}{\sum_je^{s_j}}",
    range=(0, None),
    zero_at_optimum=False,
    domains={"labels": "grades"},
)
def listnet(labels: Any, prediction: Any) -> Any:
    """ListNet: cross-entropy between the chances of each item to be first, of labels and scores.

    labels: (batch, items), relevance; a negative one marks an empty place.
    prediction: same shape, the scores.
    Returns (batch,), in nats.

    Source: Cao et al. 2007, "Learning to rank: from pairwise approach to listwise
    approach", the probabilities of the first place.
    """
    relevance, scores, empty = _lists(labels, prediction)
    target = tf.exp(_log_shares(relevance, empty)) * tf.cast(~empty, scores.dtype)
    return -tf.reduce_sum(target * _log_shares(scores, empty), axis=-1)


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"-\sum_i\frac{y_i}{\sum_jy_j}\log\frac{e^{s_i}}{\sum_je^{s_j}}",
    range=(0, None),
    zero_at_optimum=False,
    domains={"labels": "grades"},
)
def softmax_rank(labels: Any, prediction: Any) -> Any:
    """Softmax cross-entropy over a list: for clicks, or few relevant items among many.

    labels: (batch, items), relevance; a negative one marks an empty place.
    prediction: same shape, the scores.
    Returns (batch,), in nats; 0 for a list without a relevant item.

    Source: Bruch et al. 2019, "An analysis of the softmax cross entropy loss for learning-to-rank
    with binary relevance": ListNet's definition, with the labels over their sum as the target.
    """
    relevance, scores, empty = _lists(labels, prediction)
    total = tf.maximum(tf.reduce_sum(relevance, axis=-1), 1e-12)
    return -tf.reduce_sum(relevance * _log_shares(scores, empty), axis=-1) / total


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"\sum_i\log\sum_{j\ge i}e^{s_{\pi(j)}}-s_{\pi(i)},\ \pi\ \text{by falling}\ y",
    range=(0, None),
    zero_at_optimum=True,
    domains={"labels": "grades"},
)
def listmle(labels: Any, prediction: Any) -> Any:
    """ListMLE: likelihood of the right order, drawing items one after the other by their scores.

    labels: (batch, items), relevance; a negative one marks an empty place. Of equally relevant
    items the one that stands first in the list comes first.
    prediction: same shape, the scores.
    Returns (batch,), in nats: the negative log-likelihood of the whole order.

    Source: Xia et al. 2008, "Listwise approach to learning to rank", the likelihood loss.
    """
    relevance, scores, empty = _lists(labels, prediction)
    # In double precision, as the gradient of the sum of exponentials takes logarithms of slopes.
    wide = tf.cast(scores, tf.float64)
    last = tf.where(empty, tf.constant(LOWEST, wide.dtype), wide)
    order = tf.argsort(labels, axis=-1, direction="DESCENDING", stable=True)
    in_order = tf.gather(last, order, batch_dims=1)
    # Those left when an item is drawn: itself and all that come after it.
    left_over = tf.math.cumulative_logsumexp(in_order, axis=-1, reverse=True)
    there = tf.gather(~empty, order, batch_dims=1)
    drawn = tf.cast(tf.where(there, left_over - in_order, tf.zeros_like(wide)), scores.dtype)
    # Comparing hides a NaN among the labels; this does not.
    return tf.reduce_sum(drawn + 0 * relevance, axis=-1)


@tfloss.loss(
    same_shape=("labels", "prediction"),
    latex=r"\sum_{y_i>y_j}|\Delta\mathrm{NDCG}_{ij}|\log\bigl(1+e^{-\sigma(s_i-s_j)}\bigr)",
    range=(0, None),
    zero_at_optimum=True,
    kinks=("two items share a score",),
    domains={"labels": "grades"},
)
def lambda_rank(labels: Any, prediction: Any, *, sigma: Annotated[float, Above(0)] = 1.0) -> Any:
    """LambdaRank: a pair counts by how much exchanging its two items would change the NDCG.

    labels: (batch, items), relevance; a negative one marks an empty place. Gains are 2^y - 1.
    prediction: same shape, the scores. The order that they give is taken as fixed: no gradient
    flows through the weights.
    Returns (batch,), in nats; 0 for a list whose items are all alike.

    sigma: how steeply a difference of scores becomes a probability, positive.

    Source: Burges 2010, "From RankNet to LambdaRank to LambdaMART", section 4.
    """
    relevance, scores, empty = _lists(labels, prediction)
    cost = tf.nn.softplus(-sigma * _differences(scores))
    weights = tf.stop_gradient(_ndcg_changes(relevance, scores, empty))
    return tf.reduce_sum(_more_relevant(relevance, empty) * weights * cost, axis=[1, 2])


def _ndcg_changes(relevance: Any, scores: Any, empty: Any) -> Any:
    """By how much exchanging items i and j changes the list's NDCG, (batch, i, j)."""
    gains = tf.exp(math.log(2) * relevance) - 1
    ideal = tf.reduce_sum(gains * _discounts(relevance, empty), axis=-1)
    share = tf.math.divide_no_nan(gains, ideal[:, None])
    return tf.abs(_differences(share) * _differences(_discounts(scores, empty)))


def _discounts(values: Any, empty: Any) -> Any:
    """1/log2(1 + rank) of each item in the falling order of the values; empty places come last."""
    last = tf.where(empty, tf.constant(LOWEST, values.dtype), values)
    before = tf.cast(_comes_before(last), values.dtype)
    return math.log(2) / tf.math.log(2 + tf.reduce_sum(before, axis=1))


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [pairwise_logistic, ranknet, listnet, softmax_rank, listmle, lambda_rank]
