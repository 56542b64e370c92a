"""Metrics of a ranking made smooth."""

from __future__ import annotations

import math
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above
from tfloss.ops import unit_length
from tfloss_losses.ranking import (
    _differences,
    _lists,
    _more_relevant,
)
from tfloss_losses.ranking_metrics.common import GRADES, SAME, gains


def _soft_ranks(scores: Any, empty: Any, temperature: float) -> Any:
    """Place of each item from 1 on, (batch, items): one and how many are likely before it."""
    before = tf.sigmoid(-_differences(scores) / temperature)
    before = tf.where(empty[:, None, :], tf.zeros_like(before), before)
    before = tf.linalg.set_diag(before, tf.zeros_like(scores))
    return 1 + tf.reduce_sum(before, axis=-1)


def _best(relevance: Any) -> Any:
    """The largest discounted gain that a list can have, (batch,); 1 for a list without any."""
    ordered = tf.sort(gains(relevance), axis=-1, direction="DESCENDING")
    places = tf.range(1, tf.shape(relevance)[-1] + 1)
    discount = math.log(2) / tf.math.log1p(tf.cast(places, relevance.dtype))
    best = tf.reduce_sum(ordered * discount, axis=-1)
    return tf.where(best == 0, tf.ones_like(best), best)


@tfloss.loss(
    same_shape=SAME,
    latex=r"-\frac1{\mathrm{maxDCG}}\sum_i\frac{2^{y_i}-1}{\log_2(1+\hat\pi_i)},"
    r"\ \hat\pi_i=1+\sum_{j\ne i}\sigma\bigl((s_j-s_i)/\tau\bigr)",
    range=(-1, 0),
    domains=GRADES,
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
    gained = tf.reduce_sum(gains(relevance) * math.log(2) / tf.math.log1p(places), axis=-1)
    return -gained / _best(relevance)


@tfloss.loss(
    same_shape=SAME,
    latex=r"-\frac1{\sum y}\sum_i\frac{y_i}{\hat\pi_i},"
    r"\ \hat\pi_i=1+\sum_{j\ne i}\sigma\bigl((s_j-s_i)/\tau\bigr)",
    range=(-1, 0),
    domains=GRADES,
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
    same_shape=SAME,
    latex=r"-\frac1{\mathrm{maxDCG}}\sum_k\frac{(\hat P(2^y-1))_k}{\log_2(1+k)},"
    r"\ \hat P_k=\mathrm{softmax}\Bigl(\bigl((n+1-2k)s_i-\sum_j|s_i-s_j|\bigr)_i/\tau\Bigr)",
    range=(-1, 0),
    kinks=("two items share a score",),
    domains=GRADES,
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
    gained = tf.reduce_sum(chance * gains(relevance)[:, None, :], axis=-1)
    discount = math.log(2) / tf.math.log1p(place)
    held = tf.where(place <= count, gained * discount, tf.zeros_like(gained))
    return -tf.reduce_sum(held, axis=-1) / _best(relevance)


@tfloss.loss(
    same_shape=SAME,
    latex=r"1-\rho(\pi(y),\hat\pi(s)),\ \hat\pi_i=1+\sum_{j\ne i}\sigma\bigl((s_j-s_i)/\tau\bigr)",
    range=(0, 2),
    domains=GRADES,
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
