"""Embeddings by pairs of like and unlike examples."""

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


@tfloss.loss(
    per="batch",
    latex=r"\mathrm{mean}_i\tfrac1\alpha\log\Bigl(1+\sum_{j\sim i}e^{-\alpha(s_{ij}-\lambda)}\Bigr)"
    r"+\tfrac1\beta\log\Bigl(1+\sum_{j\not\sim i}e^{\beta(s_{ij}-\lambda)}\Bigr)",
    range=(0, None),
    family="representation",
    domains=ANY,
    example="multi_similarity(embedding=hidden2)",
)
def multi_similarity(
    labels: Any,
    embedding: Any,
    sample_weight: Any = None,
    *,
    alpha: Annotated[float, Above(0)] = 2.0,
    beta: Annotated[float, Above(0)] = 50.0,
    base: float = 0.5,
) -> Any:
    """Multi-similarity loss: each anchor's pairs compete, like with like and unlike with unlike.

    labels: (batch, 1), the class as a number, or one-hot (batch, C).
    embedding: (batch, …); rows are brought to length one.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: the weighted mean over anchors. All pairs count; the paper first leaves out
    the easy ones.

    alpha, beta: how sharply likes and unlikes compete, positive.
    base: λ, the cosine around which pairs are judged.

    Source: Wang et al. 2019, "Multi-similarity loss with general pair weighting for deep metric
    learning", eq. 15.
    """
    rows, weight, like, unlike = pairs(labels, embedding, sample_weight)
    rows = unit_length(rows)
    apart = tf.matmul(rows, rows, transpose_b=True) - base
    pull = tf.nn.softplus(log_sum(-alpha * apart, like)) / alpha
    push = tf.nn.softplus(log_sum(beta * apart, unlike)) / beta
    return weighted_mean(pull + push, weight)


@tfloss.loss(
    per="batch",
    latex=r"\tfrac1{2|P|}\sum_{(i,j)\in P}\max\Bigl(0,d_{ij}+\log\Bigl(\sum_{k\not\sim i}e^{m"
    r"-d_{ik}}"
    r"+\sum_{l\not\sim j}e^{m-d_{jl}}\Bigr)\Bigr)^2",
    range=(0, None),
    family="representation",
    domains=ANY,
    kinks=("two examples coincide",),
    example="lifted_structure(embedding=hidden2)",
)
def lifted_structure(
    labels: Any,
    embedding: Any,
    sample_weight: Any = None,
    *,
    margin: Annotated[float, Above(0)] = 1.0,
) -> Any:
    """Lifted structured embedding: each pair of a class against all others of both.

    labels: (batch, 1), the class as a number, or one-hot (batch, C).
    embedding: (batch, …), of any width.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: half the weighted mean over pairs of a class; 0 without such a pair.

    margin: m, in Euclidean distance; positive.

    Source: Oh Song et al. 2016, "Deep metric learning via lifted structured feature embedding", the
    smooth upper bound.
    """
    rows, weight, like, unlike = pairs(labels, embedding, sample_weight)
    distance = root(squared_distances(rows, rows))
    repelled = log_sum(margin - distance, unlike)
    both = tf.reduce_logsumexp(
        tf.stack([repelled[:, None] + 0 * distance, repelled[None, :] + 0 * distance]), axis=0
    )
    return weighted_mean(tf.square(tf.nn.relu(distance + both)), like * weight[:, None]) / 2


@tfloss.loss(
    per="batch",
    latex=r"\mathrm{mean}_{+}\max\bigl(0,\alpha\pm_{ij}(d_{ij}-\beta)\bigr)",
    range=(0, None),
    family="representation",
    domains=ANY,
    kinks=("a pair is just at its border",),
    example="margin_pairs(embedding=normalize(hidden2))",
)
def margin_pairs(
    labels: Any,
    embedding: Any,
    sample_weight: Any = None,
    *,
    margin: Annotated[float, AtLeast(0)] = 0.2,
    border: Annotated[float, Above(0)] = 1.2,
) -> Any:
    """Margin loss: likes nearer than a border, unlikes farther, each by a margin.

    labels: (batch, 1), the class as a number, or one-hot (batch, C).
    embedding: (batch, …); the border is meant for rows of length one.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: the weighted mean over all pairs.

    margin: α, in Euclidean distance, 0 or more.
    border: β, in Euclidean distance, positive; the paper also learns it.

    Source: Wu et al. 2017, "Sampling matters in deep embedding learning", with all pairs instead
    of a sample of them.
    """
    rows, weight, like, unlike = pairs(labels, embedding, sample_weight)
    beyond = root(squared_distances(rows, rows)) - border
    cost = like * tf.nn.relu(margin + beyond) + unlike * tf.nn.relu(margin - beyond)
    return weighted_mean(tf.reduce_sum(cost, axis=-1), weight) / tf.maximum(
        weighted_mean(tf.reduce_sum(like + unlike, axis=-1), weight), 1e-12
    )


@tfloss.loss(
    per="batch",
    latex=r"\mathrm{mean}_{i\sim j}\max(0,d_{ij}-m_+)+\mathrm{mean}_{i\not\sim j}\max(0,m_-"
    r"-d_{ij}),"
    r"\ d_{ij}=\frac{\mathrm{var}(f_i-f_j)}{\mathrm{var}f_i}",
    range=(0, None),
    family="representation",
    domains=ANY,
    kinks=("a pair is just at its border",),
    example="snr_contrastive(embedding=hidden2)",
)
def snr_contrastive(
    labels: Any,
    embedding: Any,
    sample_weight: Any = None,
    *,
    margin_like: Annotated[float, AtLeast(0)] = 0.01,
    margin_unlike: Annotated[float, AtLeast(0)] = 0.2,
    regularisation: Annotated[float, AtLeast(0)] = 0.1,
) -> Any:
    """Contrastive loss by signal to noise: a pair's difference in units of the anchor's spread.

    labels: (batch, 1), the class as a number, or one-hot (batch, C).
    embedding: (batch, …), of width 2 or more.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: the weighted means over like and unlike pairs, and the magnitude of the
    embeddings' sums.

    margin_like, margin_unlike: of the distance, 0 or more.
    regularisation: the weight of the embeddings' sums, 0 or more.

    Source: Yuan et al. 2019, "Signal-to-noise ratio: a robust distance metric for deep metric
    learning".
    """
    rows, weight, like, unlike = pairs(labels, embedding, sample_weight)
    middle = rows - tf.reduce_mean(rows, axis=-1, keepdims=True)
    noise = squared_distances(middle, middle)
    signal = tf.reduce_sum(tf.square(middle), axis=-1, keepdims=True)
    ratio = noise / tf.maximum(signal, 1e-6)
    cost = weighted_mean(tf.nn.relu(ratio - margin_like), like * weight[:, None])
    cost += weighted_mean(tf.nn.relu(margin_unlike - ratio), unlike * weight[:, None])
    return cost + regularisation * weighted_mean(tf.abs(tf.reduce_sum(rows, axis=-1)), weight)


@tfloss.loss(
    per="batch",
    latex=r"\mathrm{mean}_{i\sim j}\max\bigl(0,(1-\epsilon)\bar s-s_{ij}\bigr)^2"
    r"+\mathrm{mean}_{i\not\sim j}\max\bigl(0,s_{ij}-(1+\epsilon)\bar s\bigr)^2",
    range=(0, None),
    family="representation",
    domains=ANY,
    example="multi_similarity(embedding=hidden2) + intra_pair_variance(embedding=hidden2)",
)
def intra_pair_variance(
    labels: Any,
    embedding: Any,
    sample_weight: Any = None,
    *,
    slack_like: Annotated[float, Interval(0, 1, "left")] = 0.01,
    slack_unlike: Annotated[float, Interval(0, 1, "left")] = 0.01,
) -> Any:
    """Intra-pair variance: likes equally alike, unlikes equally unlike; beside another loss.

    labels: (batch, 1), the class as a number, or one-hot (batch, C).
    embedding: (batch, …); rows are brought to length one.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar.

    slack_like, slack_unlike: ε of either kind of pairs, in [0, 1).

    Source: Yu and Tao 2019, "Deep metric learning with tuplet margin loss", its second loss; as in
    pytorch-metric-learning.
    """
    rows, weight, like, unlike = pairs(labels, embedding, sample_weight)
    rows = unit_length(rows)
    cosine = tf.matmul(rows, rows, transpose_b=True)
    like, unlike = like * weight[:, None], unlike * weight[:, None]
    low = (1 - slack_like) * weighted_mean(cosine, like) - cosine
    high = cosine - (1 + slack_unlike) * weighted_mean(cosine, unlike)
    pull, push = tf.square(tf.nn.relu(low)), tf.square(tf.nn.relu(high))
    return weighted_mean(pull, like) + weighted_mean(push, unlike)
