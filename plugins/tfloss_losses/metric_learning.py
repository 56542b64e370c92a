"""Metric learning: embeddings whose distances say what belongs together, by pairs of a batch.

As those of contrastive.py they look at an inner layer, `multi_similarity(embedding=hidden2)`, give
one value per batch, and take labels as one-hot rows or as one column that holds the class's number.
Memory grows with the square of the batch.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, Interval
from tfloss.ops import (
    few_enough_for_triples,
    log_sum,
    pair_weights,
    root,
    same_class,
    squared_distances,
    unit_length,
    weighted_mean,
    weighted_rows,
)

_ANY = {"embedding": "numbers*any"}


def _pairs(labels: Any, embedding: Any, sample_weight: Any) -> tuple[Any, Any, Any, Any]:
    """Rows, weights, and for each pair of different examples the weight of like and unlike ones.

    Of a pair the weight is that of the other example; the anchor's counts in the mean.
    """
    (labels, rows), weight = weighted_rows(sample_weight, labels=labels, embedding=embedding)
    same = same_class(labels)
    others = pair_weights(weight) / tf.maximum(weight[:, None], 1e-12)
    others = tf.where(weight[:, None] == 0, tf.zeros_like(others), others)
    return rows, weight, same * others, (1 - same) * others


def _any(weights: Any) -> Any:
    """1 for each anchor that has such a pair."""
    return tf.cast(tf.reduce_sum(weights, axis=-1) > 0, weights.dtype)


@tfloss.loss(
    per="batch",
    latex=r"\mathrm{mean}_i\tfrac1\alpha\log\Bigl(1+\sum_{j\sim i}e^{-\alpha(s_{ij}-\lambda)}\Bigr)"
    r"+\tfrac1\beta\log\Bigl(1+\sum_{j\not\sim i}e^{\beta(s_{ij}-\lambda)}\Bigr)",
    range=(0, None),
    family="representation",
    domains=_ANY,
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
    rows, weight, like, unlike = _pairs(labels, embedding, sample_weight)
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
    domains=_ANY,
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
    rows, weight, like, unlike = _pairs(labels, embedding, sample_weight)
    distance = root(squared_distances(rows, rows))
    repelled = log_sum(margin - distance, unlike)
    both = tf.reduce_logsumexp(
        tf.stack([repelled[:, None] + 0 * distance, repelled[None, :] + 0 * distance]), axis=0
    )
    return weighted_mean(tf.square(tf.nn.relu(distance + both)), like * weight[:, None]) / 2


@tfloss.loss(
    per="batch",
    latex=r"\mathrm{mean}_i-\log\frac{\sum_{j\sim i}e^{-\Vert f_i-f_j\Vert^2}}{\sum_{j\ne "
    r"i}e^{-\Vert f_i-f_j\Vert^2}}",
    range=(0, None),
    family="representation",
    domains=_ANY,
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
    rows, weight, like, unlike = _pairs(labels, embedding, sample_weight)
    near = -squared_distances(rows, rows) / temperature
    lost = log_sum(near, like + unlike) - log_sum(near, like)
    found = _any(like)
    return weighted_mean(tf.where(found > 0, lost, 0 * lost), weight * found) + 0 * tf.reduce_sum(
        rows
    )


@tfloss.loss(
    per="batch",
    latex=r"\mathrm{mean}_{+}\max\bigl(0,\alpha\pm_{ij}(d_{ij}-\beta)\bigr)",
    range=(0, None),
    family="representation",
    domains=_ANY,
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
    rows, weight, like, unlike = _pairs(labels, embedding, sample_weight)
    beyond = root(squared_distances(rows, rows)) - border
    cost = like * tf.nn.relu(margin + beyond) + unlike * tf.nn.relu(margin - beyond)
    return weighted_mean(tf.reduce_sum(cost, axis=-1), weight) / tf.maximum(
        weighted_mean(tf.reduce_sum(like + unlike, axis=-1), weight), 1e-12
    )


@tfloss.loss(
    per="batch",
    latex=r"\mathrm{mean}_{(a,p)}\log\Bigl(1+\sum_{n\not\sim a}e^{4\tan^2\alpha\,(f_a+f_p)^\top f_n"
    r"-2(1+\tan^2\alpha)f_a^\top f_p}\Bigr)",
    range=(0, None),
    family="representation",
    domains=_ANY,
    example="angular(embedding=hidden2)",
)
def angular(
    labels: Any,
    embedding: Any,
    sample_weight: Any = None,
    *,
    angle: Annotated[float, Interval(0, math.pi / 2, "neither")] = 0.7,
) -> Any:
    """Angular loss: in the triangle of anchor, like and unlike the angle at the unlike is small.

    labels: (batch, 1), the class as a number, or one-hot (batch, C).
    embedding: (batch, …); rows are brought to length one.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: the weighted mean over pairs of a class. Memory grows with the cube of the
    batch, so more than 1,000 examples are refused.

    angle: α, in radians, in (0, π/2); the paper's 40° are 0.698.

    Source: Wang et al. 2017, "Deep metric learning with angular loss", for all pairs of a class.
    """
    few_enough_for_triples("angular", embedding)
    rows, weight, like, unlike = _pairs(labels, embedding, sample_weight)
    rows = unit_length(rows)
    products = tf.matmul(rows, rows, transpose_b=True)
    square = math.tan(angle) ** 2
    # [a, p, n]: the anchor's and the like's products with the unlike, less their own.
    both = products[:, None, :] + products[None, :, :]
    exponent = 4 * square * both - 2 * (1 + square) * products[:, :, None]
    counts = tf.zeros_like(exponent) + unlike[:, None, :]
    return weighted_mean(tf.nn.softplus(log_sum(exponent, counts)), like * weight[:, None])


@tfloss.loss(
    per="batch",
    latex=r"\mathrm{mean}_i\log\Bigl(1+\sum_{p\sim i,n\not\sim i}e^{s(\cos\theta_{in}-\cos("
    r"\theta_{ip}-m))}\Bigr)",
    range=(0, None),
    family="representation",
    domains=_ANY,
    example="tuplet_margin(embedding=hidden2)",
)
def tuplet_margin(
    labels: Any,
    embedding: Any,
    sample_weight: Any = None,
    *,
    margin: Annotated[float, Interval(0, math.pi / 2, "left")] = 0.1,
    scale: Annotated[float, Above(0)] = 64.0,
) -> Any:
    """Tuplet margin loss: a like pair, with a slack in its angle, against all unlike ones.

    labels: (batch, 1), the class as a number, or one-hot (batch, C).
    embedding: (batch, …); rows are brought to length one.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: the weighted mean over pairs of a class.

    margin: m, the slack of the angle in radians, in [0, π/2).
    scale: s, what cosines are multiplied by, positive.

    Source: Yu and Tao 2019, "Deep metric learning with tuplet margin loss", for all pairs of a
    class.
    """
    rows, weight, like, unlike = _pairs(labels, embedding, sample_weight)
    rows = unit_length(rows)
    cosine = tf.matmul(rows, rows, transpose_b=True)
    sine = root(tf.nn.relu(1 - tf.square(cosine)))
    slack = cosine * math.cos(margin) + sine * math.sin(margin)
    unlikes = log_sum(scale * cosine, unlike)
    return weighted_mean(tf.nn.softplus(unlikes[:, None] - scale * slack), like * weight[:, None])


@tfloss.loss(
    per="batch",
    latex=r"\mathrm{mean}_{i\sim j}\max(0,d_{ij}-m_+)+\mathrm{mean}_{i\not\sim j}\max(0,m_-"
    r"-d_{ij}),"
    r"\ d_{ij}=\frac{\mathrm{var}(f_i-f_j)}{\mathrm{var}f_i}",
    range=(0, None),
    family="representation",
    domains=_ANY,
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
    rows, weight, like, unlike = _pairs(labels, embedding, sample_weight)
    middle = rows - tf.reduce_mean(rows, axis=-1, keepdims=True)
    noise = squared_distances(middle, middle)
    signal = tf.reduce_sum(tf.square(middle), axis=-1, keepdims=True)
    ratio = noise / tf.maximum(signal, 1e-6)
    cost = weighted_mean(tf.nn.relu(ratio - margin_like), like * weight[:, None])
    cost += weighted_mean(tf.nn.relu(margin_unlike - ratio), unlike * weight[:, None])
    return cost + regularisation * weighted_mean(tf.abs(tf.reduce_sum(rows, axis=-1)), weight)


@tfloss.loss(
    per="batch",
    latex=r"\mathrm{mean}_{i\sim j}\max(0,d_{ij}-(\alpha-m))+\sum_{j\not\sim i}"
    r"\frac{w_{ij}}{\sum w}\max(0,\alpha-d_{ij}),\ w=e^{T(\alpha-d)}",
    range=(0, None),
    family="representation",
    domains=_ANY,
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
    rows, weight, like, unlike = _pairs(labels, embedding, sample_weight)
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
    domains=_ANY,
    kinks=("a distance lies at the middle of a bin",),
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
    rows, weight, like, unlike = _pairs(labels, embedding, sample_weight)
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


@tfloss.loss(
    per="batch",
    latex=r"\mathrm{mean}_{i\sim j}\max\bigl(0,(1-\epsilon)\bar s-s_{ij}\bigr)^2"
    r"+\mathrm{mean}_{i\not\sim j}\max\bigl(0,s_{ij}-(1+\epsilon)\bar s\bigr)^2",
    range=(0, None),
    family="representation",
    domains=_ANY,
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
    rows, weight, like, unlike = _pairs(labels, embedding, sample_weight)
    rows = unit_length(rows)
    cosine = tf.matmul(rows, rows, transpose_b=True)
    like, unlike = like * weight[:, None], unlike * weight[:, None]
    low = (1 - slack_like) * weighted_mean(cosine, like) - cosine
    high = cosine - (1 + slack_unlike) * weighted_mean(cosine, unlike)
    pull, push = tf.square(tf.nn.relu(low)), tf.square(tf.nn.relu(high))
    return weighted_mean(pull, like) + weighted_mean(push, unlike)


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
