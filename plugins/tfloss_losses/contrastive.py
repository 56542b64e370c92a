"""Representations in which like is near like: losses about pairs and triples of a batch.

They look at an inner layer, `triplet(embedding=hidden2)`, and give one value per batch. Labels are
one-hot, or a single column that holds the class as a number, so that any number of classes will do.
Memory grows with the square of the batch.
"""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, Interval, Learnable, OneOf
from tfloss.ops import (
    LOWEST,
    largest,
    log_sum,
    pair_weights,
    root,
    same_class,
    squared_distances,
    unit_length,
    weighted_mean,
    weighted_rows,
)


@tfloss.loss(
    per="batch",
    latex=r"\mathrm{mean}_{i\ne j}\tfrac12[y_i=y_j]d_{ij}^2+\tfrac12[y_i\ne y_j]\max(0,m-d_{ij})^2",
    range=(0, None),
    kinks=("two examples of different classes coincide",),
    family="representation",
    domains={"embedding": "numbers*any"},
    example="ce + 0.1*contrastive(embedding=hidden2)",
)
def contrastive(
    labels: Any,
    embedding: Any,
    sample_weight: Any = None,
    *,
    margin: Annotated[float, Above(0), Learnable()] = 1.0,
) -> Any:
    """Contrastive loss: pulls pairs of one class together, pushes others a margin apart.

    labels: (batch, 1), the class as a number, or one-hot (batch, C).
    embedding: (batch, …), of any width.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: the mean over pairs of examples.

    margin: m, the distance from which on others are left alone; positive.

    Source: Hadsell, Chopra and LeCun 2006, "Dimensionality reduction by learning an invariant
    mapping", eq. 4.
    """
    (labels, rows), weight = weighted_rows(sample_weight, labels=labels, embedding=embedding)
    same, square = same_class(labels), squared_distances(rows, rows)
    push = tf.square(tf.nn.relu(margin - root(square)))
    return weighted_mean(same * square + (1 - same) * push, pair_weights(weight)) / 2


@tfloss.loss(
    per="batch",
    latex=r"\mathrm{mean}\max\bigl(0,m+d_{ap}-d_{an}\bigr)",
    range=(0, None),
    kinks=("a triple is just a margin apart", "two examples coincide"),
    family="representation",
    domains={"embedding": "numbers*any"},
    example="triplet(embedding=normalize(hidden2), mining='semihard')",
)
def triplet(
    labels: Any,
    embedding: Any,
    sample_weight: Any = None,
    *,
    margin: Annotated[float, Above(0), Learnable()] = 1.0,
    mining: Annotated[str, OneOf("hard", "semihard")] = "hard",
) -> Any:
    """Triplet loss: an example is a margin nearer to its class than to others, by hard cases.

    labels: (batch, 1), the class as a number, or one-hot (batch, C).
    embedding: (batch, …), of any width; use normalize(…) for lengths of one.
    sample_weight: (batch,), or None for all ones; the weight of a triple is its anchor's.
    Returns a scalar; 0 where no example has both a like and an unlike one.

    margin: m, in Euclidean distance; positive.
    mining: 'hard', for each anchor the farthest of its class and the nearest of others; or
        'semihard', for each pair of a class the nearest other that is farther than the pair, or
        the farthest other if none is. The latter's memory grows with the cube of the batch.

    Source: Hermans et al. 2017, "In defense of the triplet loss", eq. 5; semi-hard: Schroff et al.
    2015, "FaceNet", eq. 4.
    """
    (labels, rows), weight = weighted_rows(sample_weight, labels=labels, embedding=embedding)
    same, distance = same_class(labels), root(squared_distances(rows, rows))
    there = pair_weights(tf.cast(weight != 0, rows.dtype)) > 0
    like, unlike = there & (same > 0.5), there & (same <= 0.5)
    find = _hard if mining == "hard" else _semihard
    near, far, counts = find(distance, like, unlike)
    counts = tf.cast(counts, rows.dtype) * (weight if mining == "hard" else weight[:, None])
    # Comparing hides a NaN; this does not.
    hidden = 0 * (tf.reduce_sum(labels) + tf.reduce_sum(distance))
    return weighted_mean(tf.nn.relu(margin + near - far), counts) + hidden


def _hard(distance: Any, like: Any, unlike: Any) -> tuple[Any, Any, Any]:
    """Of each anchor: distance to its class, to others, and whether there are both; (batch,)."""
    both = tf.reduce_any(like, axis=-1) & tf.reduce_any(unlike, axis=-1)
    return largest(distance, like), -largest(-distance, unlike), both


def _semihard(distance: Any, like: Any, unlike: Any) -> tuple[Any, Any, Any]:
    """The same of each pair of anchor and like example, (batch, batch)."""
    farther = unlike[:, None, :] & (distance[:, None, :] > (1 + 1e-5) * distance[:, :, None])
    nearest = -largest(-distance[:, None, :] + tf.zeros_like(distance)[:, :, None], farther)
    farthest = largest(distance, unlike)[:, None] + tf.zeros_like(distance)
    other = tf.where(tf.reduce_any(farther, axis=-1), nearest, farthest)
    return distance, other, like & tf.reduce_any(unlike, axis=-1)[:, None]


@tfloss.loss(
    same_shape=("first", "second"),
    per="batch",
    latex=r"\mathrm{mean}_i\log\Bigl(1+\sum_{j\ne i}e^{f_i^\top g_j-f_i^\top g_i}\Bigr)",
    range=(0, None),
    family="representation",
    example="n_pair(hidden1, hidden2)",
)
def n_pair(first: Any, second: Any, sample_weight: Any = None) -> Any:
    """N-pair loss: each row finds its partner among all partners, by inner product.

    first, second: (batch, …), of one width; row i of both are partners, all others are not.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar, in nats; l2 of the embeddings is not in it.

    Source: Sohn 2016, "Improved deep metric learning with multi-class N-pair loss".
    """
    rows, weight = weighted_rows(sample_weight, first=first, second=second)
    return _partner_found(tf.matmul(*rows, transpose_b=True), weight)


@tfloss.loss(
    same_shape=("first", "second"),
    per="batch",
    latex=r"\mathrm{mean}_i-\log\frac{e^{\cos(f_i,g_i)/\tau}}{\sum_je^{\cos(f_i,g_j)/\tau}}",
    range=(0, None),
    family="representation",
    example="info_nce(hidden1, hidden2)/2 + info_nce(hidden2, hidden1)/2",
)
def info_nce(
    first: Any,
    second: Any,
    sample_weight: Any = None,
    *,
    temperature: Annotated[float, Above(0), Learnable()] = 0.1,
) -> Any:
    """InfoNCE: each row finds its partner among all partners, by cosine.

    first, second: (batch, …), of one width; row i of both are partners, all others are not.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar, in nats; info_nce(a, b)/2 + info_nce(b, a)/2 is the loss of CLIP.

    temperature: tau, positive: what cosines are divided by; learned(0.07) as CLIP trains it.

    Source: van den Oord et al. 2018, "Representation learning with contrastive predictive coding",
    eq. 4, with cosines as in He et al. 2020 (MoCo), eq. 1.
    """
    rows, weight = weighted_rows(sample_weight, first=first, second=second)
    cosines = tf.matmul(*map(unit_length, rows), transpose_b=True)
    return _partner_found(cosines / temperature, weight)


def _partner_found(similarity: Any, weight: Any) -> Any:
    """Cross-entropy of each row's choice of its own column; missing columns cannot be chosen."""
    own = tf.linalg.diag_part(similarity)
    there = tf.linalg.set_diag(pair_weights(tf.cast(weight != 0, weight.dtype)) > 0, own == own)
    lowest = tf.constant(LOWEST, similarity.dtype)
    choices = tf.reduce_logsumexp(tf.where(there, similarity, lowest), axis=-1)
    return weighted_mean(choices - own, weight)


@tfloss.loss(
    same_shape=("first", "second"),
    per="batch",
    latex=r"\mathrm{mean}_i-\log\frac{e^{\cos(z_i,z_{i'})/\tau}}"
    r"{\sum_{a\ne i}e^{\cos(z_i,z_a)/\tau}}",
    range=(0, None),
    symmetric=True,
    family="representation",
    example="nt_xent(hidden1, hidden2)",
)
def nt_xent(
    first: Any,
    second: Any,
    sample_weight: Any = None,
    *,
    temperature: Annotated[float, Above(0), Learnable()] = 0.5,
) -> Any:
    """NT-Xent of SimCLR: each of 2n views finds the other view of its example among all others.

    first, second: (batch, …), of one width, two views of each example.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar, in nats: the mean over both views of all examples.

    temperature: tau, positive: what cosines are divided by.

    Source: Chen et al. 2020, "A simple framework for contrastive learning", eq. 1.
    """
    rows, weight = weighted_rows(sample_weight, first=first, second=second)
    views, weights = tf.concat(rows, axis=0), tf.concat([weight, weight], axis=0)
    numbers = tf.tile(tf.range(tf.shape(weight)[0]), [2])
    partner = tf.cast(numbers[:, None] == numbers[None, :], views.dtype)
    return _likes_found(views, partner, weights, temperature)


@tfloss.loss(
    per="batch",
    latex=r"\mathrm{mean}_i\frac{-1}{|P_i|}\sum_{p\in P_i}"
    r"\log\frac{e^{\cos(z_i,z_p)/\tau}}{\sum_{a\ne i}e^{\cos(z_i,z_a)/\tau}}",
    range=(0, None),
    family="representation",
    domains={"embedding": "numbers*any"},
    example="supervised_contrastive(embedding=hidden2)",
)
def supervised_contrastive(
    labels: Any,
    embedding: Any,
    sample_weight: Any = None,
    *,
    temperature: Annotated[float, Above(0), Learnable()] = 0.1,
) -> Any:
    """Supervised contrastive loss: each example finds those of its class among all others.

    labels: (batch, 1), the class as a number, or one-hot (batch, C).
    embedding: (batch, …), of any width.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar, in nats: the mean over the examples that have another of their class.

    temperature: tau, positive: what cosines are divided by.

    Conventions: the paper's mean, over the examples that have another of their class; the authors'
    code multiplies by temperature/0.07 and divides by all examples.

    Source: Khosla et al. 2020, "Supervised contrastive learning", eq. 2.
    """
    (labels, rows), weight = weighted_rows(sample_weight, labels=labels, embedding=embedding)
    return _likes_found(rows, same_class(labels), weight, temperature)


def _likes_found(rows: Any, like: Any, weight: Any, temperature: Any) -> Any:
    """Mean cross-entropy of choosing an example's likes among all others, by cosine."""
    unit = unit_length(rows)
    pairs = pair_weights(tf.cast(weight != 0, rows.dtype))
    similarity = tf.matmul(unit, unit, transpose_b=True) / temperature
    others = tf.where(pairs > 0, similarity, tf.constant(LOWEST, rows.dtype))
    log_share = pairs * (similarity - tf.reduce_logsumexp(others, axis=-1, keepdims=True))
    likes = tf.reduce_sum(pairs * like, axis=-1)
    found = -tf.reduce_sum(like * log_share, axis=-1) / tf.maximum(likes, 1)
    # Likes are 0 or at least 1 but for a NaN among the labels, which is kept.
    return weighted_mean(found, weight * tf.minimum(likes, 1))


@tfloss.loss(
    per="batch",
    latex=r"\mathrm{mean}_i\log\Bigl[1+\sum_ne^{\gamma\alpha_n(s_n-m)}"
    r"\sum_pe^{-\gamma\alpha_p(s_p-1+m)}\Bigr],\ \alpha_p=[1+m-s_p]_+,\ \alpha_n=[s_n+m]_+",
    range=(0, None),
    family="representation",
    domains={"embedding": "numbers*any"},
    exempt={"gradient equals finite differences": "the paces alpha are constants in its gradient"},
    example="circle(embedding=hidden2)",
)
def circle(
    labels: Any,
    embedding: Any,
    sample_weight: Any = None,
    *,
    margin: Annotated[float, Interval(0, 1, "left")] = 0.25,
    gamma: Annotated[float, Above(0)] = 32.0,
) -> Any:
    """Circle loss: each similarity moves at a pace of its own, faster the worse it is.

    labels: (batch, 1), the class as a number, or one-hot (batch, C).
    embedding: (batch, …), of any width; similarities s are cosines.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: the mean over the examples; one without a like or an unlike example costs
    nothing. No gradient flows through the paces alpha.

    margin: m, in [0, 1).
    gamma: scale of the similarities, positive.

    Source: Sun et al. 2020, "Circle loss", with its margins and paces.
    """
    (labels, rows), weight = weighted_rows(sample_weight, labels=labels, embedding=embedding)
    unit, same = unit_length(rows), same_class(labels)
    similarity = tf.matmul(unit, unit, transpose_b=True)
    fixed = tf.stop_gradient(similarity)
    like = -gamma * tf.nn.relu(1 + margin - fixed) * (similarity - 1 + margin)
    unlike = gamma * tf.nn.relu(fixed + margin) * (similarity - margin)
    pairs = pair_weights(tf.cast(weight != 0, rows.dtype))
    either = log_sum(like, pairs * same) + log_sum(unlike, pairs * (1 - same))
    return weighted_mean(tf.nn.softplus(either), weight)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [contrastive, triplet, n_pair, info_nce, nt_xent, supervised_contrastive, circle]
