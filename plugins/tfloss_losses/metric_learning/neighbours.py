"""Embeddings by the order of an example's neighbours."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, Interval
from tfloss.ops import (
    log_sum,
    root,
    squared_distances,
    unit_length,
    weighted_mean,
)
from tfloss_losses.metric_learning.common import ANY, pairs


def _any(weights: Any) -> Any:
    """1 for each anchor that has such a pair."""
    return tf.cast(tf.reduce_sum(weights, axis=-1) > 0, weights.dtype)


@tfloss.loss(
    per="batch",
    latex=r"\mathrm{mean}_i-\log\frac{\sum_{j\sim i}e^{-\Vert f_i-f_j\Vert^2}}{\sum_{j\ne "
    r"i}e^{-\Vert f_i-f_j\Vert^2}}",
    range=(0, None),
    family="representation",
    domains=ANY,
    example="nca(embedding=hidden2)",
)
def nca(
    labels: Any,
    embedding: Any,
    sample_weight: Any = None,
    *,
    temperature: Annotated[float, Above(0)] = 1.0,
) -> Any:
    """Neighbourhood components (soft nearest neighbour): a neighbour drawn by distance is alike.

    labels: (batch, 1), the class as a number, or one-hot (batch, C).
    embedding: (batch, …), of any width.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar, in nats: the weighted mean over anchors that have a like example.

    temperature: what squared distances are divided by, positive.

    Source: Goldberger et al. 2004, "Neighbourhood components analysis", the logarithmic objective;
    with a temperature: Frosst, Papernot and Hinton 2019, "Analyzing and improving representations
    with the soft nearest neighbor loss".
    """
    rows, weight, like, unlike = pairs(labels, embedding, sample_weight)
    near = -squared_distances(rows, rows) / temperature
    lost = log_sum(near, like + unlike) - log_sum(near, like)
    found = _any(like)
    return weighted_mean(tf.where(found > 0, lost, 0 * lost), weight * found) + 0 * tf.reduce_sum(
        rows
    )


@tfloss.loss(
    per="batch",
    latex=r"\mathrm{mean}_{i\sim j}\max(0,d_{ij}-(\alpha-m))+\sum_{j\not\sim i}"
    r"\frac{w_{ij}}{\sum w}\max(0,\alpha-d_{ij}),\ w=e^{T(\alpha-d)}",
    range=(0, None),
    family="representation",
    domains=ANY,
    kinks=("a pair is just at its border",),
    example="ranked_list(embedding=normalize(hidden2))",
)
def ranked_list(
    labels: Any,
    embedding: Any,
    sample_weight: Any = None,
    *,
    margin: Annotated[float, AtLeast(0)] = 0.4,
    border: Annotated[float, Above(0)] = 1.2,
    sharpness: Annotated[float, AtLeast(0)] = 10.0,
    balance: Annotated[float, Interval(0, 1)] = 0.5,
) -> Any:
    """Ranked list loss: each class in a ball, others beyond a border, the nearest of them first.

    labels: (batch, 1), the class as a number, or one-hot (batch, C).
    embedding: (batch, …); the border is meant for rows of length one.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: the weighted mean over anchors. No gradient flows through the weights w.

    margin: m, between the ball and the border, 0 or more.
    border: α, in Euclidean distance, positive.
    sharpness: T, how much more the nearest of the unlike count, 0 or more.
    balance: the share of the unlike ones, from 0 to 1.

    Source: Wang et al. 2019, "Ranked list loss for deep metric learning".
    """
    rows, weight, like, unlike = pairs(labels, embedding, sample_weight)
    distance = root(squared_distances(rows, rows))
    far = tf.nn.relu(distance - (border - margin))
    near = tf.nn.relu(border - distance)
    pull = _row_mean(far, like * tf.cast(far > 0, far.dtype))
    push = unlike * tf.exp(sharpness * (near - border)) * tf.cast(near > 0, near.dtype)
    cost = (1 - balance) * pull + balance * _row_mean(near, tf.stop_gradient(push))
    return weighted_mean(cost, weight) + 0 * tf.reduce_sum(distance)


def _row_mean(values: Any, weights: Any) -> Any:
    total = tf.reduce_sum(weights, axis=-1)
    return tf.reduce_sum(weights * values, axis=-1) / tf.maximum(total, 1e-12)


@tfloss.loss(
    per="batch",
    latex=r"1-\mathrm{mean}_i\frac1{N_i^+}\sum_b\frac{H_b^+h_b^+}{H_b}",
    range=(0, 1),
    family="representation",
    domains=ANY,
    kinks=("a distance lies at the middle of a bin",),
    exempt={"memory of a large batch": "a histogram for each anchor: numbers of pairs times bins"},
    example="fast_ap(embedding=hidden2)",
)
def fast_ap(
    labels: Any, embedding: Any, sample_weight: Any = None, *, bins: Annotated[int, AtLeast(1)] = 10
) -> Any:
    """FastAP: average precision of retrieval, with distances sorted into soft bins.

    labels: (batch, 1), the class as a number, or one-hot (batch, C).
    embedding: (batch, …); rows are brought to length one.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: one minus the weighted mean over anchors that have a like example.

    bins: how many intervals of the squared distance, 1 or more.

    Source: Cakir et al. 2019, "Deep metric learning to rank", the FastAP histograms.
    """
    rows, weight, like, unlike = pairs(labels, embedding, sample_weight)
    rows = unit_length(rows)
    square = 2 - 2 * tf.matmul(rows, rows, transpose_b=True)
    middles = tf.constant([4 * number / bins for number in range(bins + 1)], rows.dtype)
    member = tf.nn.relu(1 - tf.abs(square[..., None] - middles) * bins / 4)
    likes = tf.reduce_sum(like[..., None] * member, axis=1)
    everybody = tf.reduce_sum((like + unlike)[..., None] * member, axis=1)
    so_far, of_all = tf.cumsum(likes, axis=-1), tf.cumsum(everybody, axis=-1)
    precision = likes * so_far / tf.maximum(of_all, 1e-12)
    number = tf.reduce_sum(like, axis=-1)
    found = _any(like)
    score = tf.reduce_sum(precision, axis=-1) / tf.maximum(number, 1e-12)
    return weighted_mean(1 - score, weight * found) + 0 * tf.reduce_sum(rows)
