"""Ranking by smooth versions of what is measured, and by pairs and lists of other shapes.

As in ranking.py: labels (batch, items), relevance, a negative one for an empty place; prediction
(batch, items), the scores.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above
from tfloss.ops import unit_length
from tfloss_losses.ranking import (
    LambdaWeight,
    _differences,
    _lists,
    _log_shares,
    _mean_of_pairs,
    _more_relevant,
    _over_pairs,
)

_GRADES = {"labels": "grades"}
_SAME = ("labels", "prediction")


def _soft_ranks(scores: Any, empty: Any, temperature: float) -> Any:
    """Place of each item from 1 on, (batch, items): one and how many are likely before it."""
    before = tf.sigmoid(-_differences(scores) / temperature)
    before = tf.where(empty[:, None, :], tf.zeros_like(before), before)
    before = tf.linalg.set_diag(before, tf.zeros_like(scores))
    return 1 + tf.reduce_sum(before, axis=-1)


def _gains(relevance: Any) -> Any:
    return tf.math.expm1(relevance * math.log(2))


def _best(relevance: Any) -> Any:
    """The largest discounted gain that a list can have, (batch,); 1 for a list without any."""
    ordered = tf.sort(_gains(relevance), axis=-1, direction="DESCENDING")
    places = tf.range(1, tf.shape(relevance)[-1] + 1)
    discount = math.log(2) / tf.math.log1p(tf.cast(places, relevance.dtype))
    best = tf.reduce_sum(ordered * discount, axis=-1)
    return tf.where(best == 0, tf.ones_like(best), best)


@tfloss.loss(
    same_shape=_SAME,
    latex=r"-\frac1{\mathrm{maxDCG}}\sum_i\frac{2^{y_i}-1}{\log_2(1+\hat\pi_i)},"
    r"\ \hat\pi_i=1+\sum_{j\ne i}\sigma\bigl((s_j-s_i)/\tau\bigr)",
    range=(-1, 0),
    domains=_GRADES,
    family="ranking",
)
def approx_ndcg(
    labels: Any, prediction: Any, *, temperature: Annotated[float, Above(0)] = 0.1
) -> Any:
    """ApproxNDCG: the normalised discounted gain of soft places, negative.

    labels: (batch, items), relevance; a negative one marks an empty place.
    prediction: same shape, the scores.
    Returns (batch,), from -1 to 0; 0 for a list without a relevant item.

    temperature: τ; the smaller, the nearer to true places, and the flatter.

    Source: Qin, Liu and Li 2010, "A general approximation framework for direct optimization of
    information retrieval measures"; Bruch et al. 2019, "Revisiting approximate metric optimization
    in the age of deep neural networks"; the default is that of TF-Ranking.
    """
    relevance, scores, empty = _lists(labels, prediction)
    places = _soft_ranks(scores, empty, temperature)
    gained = tf.reduce_sum(_gains(relevance) * math.log(2) / tf.math.log1p(places), axis=-1)
    return -gained / _best(relevance)


@tfloss.loss(
    same_shape=_SAME,
    latex=r"-\frac1{\sum y}\sum_i\frac{y_i}{\hat\pi_i},"
    r"\ \hat\pi_i=1+\sum_{j\ne i}\sigma\bigl((s_j-s_i)/\tau\bigr)",
    range=(-1, 0),
    domains=_GRADES,
    family="ranking",
)
def approx_mrr(
    labels: Any, prediction: Any, *, temperature: Annotated[float, Above(0)] = 0.1
) -> Any:
    """ApproxMRR: the mean reciprocal of the relevant items' soft places, negative.

    labels: (batch, items), relevance; a negative one marks an empty place.
    prediction: same shape, the scores.
    Returns (batch,), from -1 to 0; 0 for a list without a relevant item.

    temperature: τ; the smaller, the nearer to true places, and the flatter.

    Source: Qin, Liu and Li 2010, "A general approximation framework for direct optimization of
    information retrieval measures"; with graded relevance as in TF-Ranking.
    """
    relevance, scores, empty = _lists(labels, prediction)
    places = _soft_ranks(scores, empty, temperature)
    total = tf.reduce_sum(relevance, axis=-1)
    found = tf.reduce_sum(relevance / places, axis=-1)
    return -found / tf.where(total == 0, tf.ones_like(total), total)


@tfloss.loss(
    same_shape=_SAME,
    latex=r"\mathrm{mean}_{y_i>y_j}\max(0,m-(s_i-s_j))",
    range=(0, None),
    kinks=("a pair is just a margin apart",),
    domains=_GRADES,
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
    same_shape=_SAME,
    latex=r"\mathrm{mean}_{i\ne j}\bigl((y_i-y_j)-(s_i-s_j)\bigr)^2",
    range=(0, None),
    domains=_GRADES,
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
    same_shape=_SAME,
    latex=r"\mathrm{mean}_{y_i>y_j}\sigma(s_j-s_i)",
    range=(0, 1),
    domains=_GRADES,
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


@tfloss.loss(
    same_shape=_SAME,
    latex=r"-\sum_i(2^{y_i}-1)\log\frac{e^{s_i}}{e^{s_i}+\sum_{y_j<y_i}e^{s_j}}",
    range=(0, None),
    domains=_GRADES,
    family="ranking",
)
def unique_softmax(labels: Any, prediction: Any) -> Any:
    """Unique softmax: each relevant item against the less relevant ones only.

    labels: (batch, items), relevance; a negative one marks an empty place.
    prediction: same shape, the scores.
    Returns (batch,), in nats.

    Source: Zhu and Klabjan 2020, "Listwise learning to rank by exploring unique ratings", with
    gains as in TF-Ranking.
    """
    relevance, scores, empty = _lists(labels, prediction)
    less = _more_relevant(relevance, empty)
    lead = tf.where(less > 0, -_differences(scores), tf.constant(-1e30, scores.dtype))
    lost = tf.nn.softplus(tf.reduce_logsumexp(lead, axis=-1))
    lost = tf.where(tf.reduce_any(less > 0, axis=-1), lost, 0 * scores)
    return tf.reduce_sum(_gains(relevance) * lost, axis=-1)


@tfloss.loss(
    same_shape=_SAME,
    latex=r"-\sum_iq_i\log\frac{e^{s_i}}{1+\sum_je^{s_j}}-q_0\log\frac1{1+\sum_je^{s_j}},"
    r"\ q_i=\frac{y_i}{y_0+\sum y},\ q_0=\frac{y_0}{y_0+\sum y}",
    range=(0, None),
    domains=_GRADES,
    family="ranking",
)
def calibrated_softmax(
    labels: Any, prediction: Any, *, virtual_label: Annotated[float, Above(0)] = 1.0
) -> Any:
    """Calibrated softmax: an item of score 0 in every list, so that scores keep a meaning.

    labels: (batch, items), relevance; a negative one marks an empty place.
    prediction: same shape, the scores; e to a score estimates relevance over virtual_label.
    Returns (batch,), in nats.

    virtual_label: y_0, the relevance of the item that is added.

    Source: Yan et al. 2022, "Scale calibration of deep ranking models".
    """
    relevance, scores, empty = _lists(labels, prediction)
    added = tf.zeros_like(scores[:, :1])
    relevance = tf.concat([added + virtual_label, relevance], axis=-1)
    log_p = _log_shares(tf.concat([added, scores], axis=-1), tf.concat([added > 0, empty], axis=-1))
    share = relevance / tf.reduce_sum(relevance, axis=-1, keepdims=True)
    return -tf.reduce_sum(share * log_p, axis=-1)


@tfloss.loss(
    same_shape=_SAME,
    latex=r"\sum_iq_i\bigl(-\log p_i+\epsilon(1-p_i)\bigr),\ q=y/\textstyle\sum y,"
    r"\ p=\mathrm{softmax}(s)",
    range=(0, None),
    domains=_GRADES,
    family="ranking",
)
def poly1_softmax(
    labels: Any, prediction: Any, *, epsilon: Annotated[float, Above(0)] = 1.0
) -> Any:
    """Poly-1 softmax: the softmax loss with more weight on its first polynomial term.

    labels: (batch, items), relevance; a negative one marks an empty place.
    prediction: same shape, the scores.
    Returns (batch,), in nats; 0 for a list without a relevant item.

    epsilon: ε, of the term.

    Source: Leng et al. 2022, "PolyLoss: a polynomial expansion perspective of classification loss
    functions".
    """
    relevance, scores, empty = _lists(labels, prediction)
    log_p = _log_shares(scores, empty)
    total = tf.reduce_sum(relevance, axis=-1)
    cost = tf.reduce_sum(relevance * (-log_p - epsilon * tf.math.expm1(log_p)), axis=-1)
    return cost / tf.where(total == 0, tf.ones_like(total), total)


@tfloss.loss(
    same_shape=_SAME,
    latex=r"-\frac1{\mathrm{maxDCG}}\sum_k\frac{(\hat P(2^y-1))_k}{\log_2(1+k)},"
    r"\ \hat P_k=\mathrm{softmax}\Bigl(\bigl((n+1-2k)s_i-\sum_j|s_i-s_j|\bigr)_i/\tau\Bigr)",
    range=(-1, 0),
    kinks=("two items share a score",),
    domains=_GRADES,
    family="ranking",
)
def neural_sort_ndcg(
    labels: Any, prediction: Any, *, temperature: Annotated[float, Above(0)] = 1.0
) -> Any:
    """NeuralSort NDCG: the discounted gain of a soft permutation of the items, negative.

    labels: (batch, items), relevance; a negative one marks an empty place.
    prediction: same shape, the scores.
    Returns (batch,), from -1 to 0; 0 for a list without a relevant item. Empty places come last.

    temperature: τ; the smaller, the nearer to a true permutation.

    Source: Grover et al. 2019, "Stochastic optimization of sorting networks via continuous
    relaxations" (NeuralSort); as a ranking loss: Swezey et al. 2021, "PiRank".
    """
    relevance, scores, empty = _lists(labels, prediction)
    there = tf.cast(~empty, scores.dtype)
    gaps = tf.abs(_differences(scores)) * there[:, None, :]
    spread = tf.reduce_sum(gaps, axis=-1)
    count = tf.reduce_sum(there, axis=-1, keepdims=True)
    place = tf.range(1, tf.shape(scores)[-1] + 1)
    place = tf.cast(place, scores.dtype)[None, :]
    steep = (count + 1 - 2 * place)[:, :, None] * scores[:, None, :] - spread[:, None, :]
    lowest = tf.constant(-1e30, scores.dtype)
    chance = tf.nn.softmax(tf.where(empty[:, None, :], lowest, steep / temperature))
    gained = tf.reduce_sum(chance * _gains(relevance)[:, None, :], axis=-1)
    discount = math.log(2) / tf.math.log1p(place)
    held = tf.where(place <= count, gained * discount, tf.zeros_like(gained))
    return -tf.reduce_sum(held, axis=-1) / _best(relevance)


@tfloss.loss(
    same_shape=_SAME,
    latex=r"1-\rho(\pi(y),\hat\pi(s)),\ \hat\pi_i=1+\sum_{j\ne i}\sigma\bigl((s_j-s_i)/\tau\bigr)",
    range=(0, 2),
    domains=_GRADES,
    family="ranking",
)
def spearman(labels: Any, prediction: Any, *, temperature: Annotated[float, Above(0)] = 0.1) -> Any:
    """Spearman's rank correlation, from one, with soft places of the scores.

    labels: (batch, items), relevance; a negative one marks an empty place.
    prediction: same shape, the scores.
    Returns (batch,), from 0 to 2; 1 for a list whose items are all alike.

    temperature: τ; the smaller, the nearer to true places, and the flatter.

    Source: Spearman 1904; the soft places are those of Qin, Liu and Li 2010, "A general
    approximation framework for direct optimization of information retrieval measures". Of equally
    relevant items each has the mean of their places.
    """
    relevance, scores, empty = _lists(labels, prediction)
    ahead, there = _more_relevant(relevance, empty), tf.cast(~empty, scores.dtype)
    behind = tf.linalg.matrix_transpose(ahead)
    middle = tf.reduce_sum(behind - ahead, axis=-1) / 2  # of the true places, about their mean
    soft = _centred(_soft_ranks(scores, empty, temperature), there)
    return 1 - tf.reduce_sum(unit_length(soft) * unit_length(middle), axis=-1)


def _centred(values: Any, there: Any) -> Any:
    count = tf.maximum(tf.reduce_sum(there, axis=-1, keepdims=True), 1)
    return there * (values - tf.reduce_sum(there * values, axis=-1, keepdims=True) / count)


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
