"""Self-supervision: two views of each example agree, and the examples stay apart.

first, second: (batch, …), what the student makes of two views (two layers, or two branches); row i
of both belongs to example i. All give one value per batch but where said.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, Interval, Learnable
from tfloss.ops import (
    LOWEST,
    centred,
    log_sum,
    pair_weights,
    root,
    squared_distances,
    unit_length,
    weighted_mean,
    weighted_rows,
    zero_without_weight,
)


def _views(first: Any, second: Any, sample_weight: Any) -> tuple[list[Any], Any]:
    """Both as rows of length one, and the weights."""
    rows, weight = weighted_rows(sample_weight, first=first, second=second)
    return [unit_length(view) for view in rows], weight


@tfloss.loss(
    per="batch",
    same_shape=("first", "second"),
    latex=r"-\frac1n\sum_{i,j}\log\sigma\Bigl(\pm_{ij}\bigl(\cos(f_i,g_j)/\tau+b\bigr)\Bigr)",
    range=(0, None),
    symmetric=True,
    family="self_supervised",
    exempt={
        "the same under XLA": "a unit vector of width one cannot turn; what is left is rounding"
    },
    example="siglip(hidden1, hidden2)",
)
def siglip(
    first: Any,
    second: Any,
    sample_weight: Any = None,
    *,
    temperature: Annotated[float, Above(0), Learnable()] = 0.1,
    bias: Annotated[float, Learnable()] = -10.0,
) -> Any:
    """Sigmoid loss for language and image: each pair by itself, partners or not.

    first, second: (batch, …), of one width.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar, in nats: the sum over an example's pairs, the weighted mean over examples.

    temperature: τ, what cosines are divided by, positive; the paper trains it: learned(0.1).
    bias: b, added to all; learned(-10) in the paper, as there are far more pairs that are none.

    Source: Zhai et al. 2023, "Sigmoid loss for language image pre-training", eq. 1.
    """
    (one, two), weight = _views(first, second, sample_weight)
    scores = tf.matmul(one, two, transpose_b=True) / temperature + bias
    right = weight * weight * tf.nn.softplus(-tf.linalg.diag_part(scores))
    wrong = tf.reduce_sum(pair_weights(weight) * tf.nn.softplus(scores), axis=-1)
    return tf.reduce_sum(right + wrong) / tf.maximum(tf.reduce_sum(weight), 1e-12)


def _decoupled(first: Any, second: Any, sample_weight: Any, temperature: float) -> Any:
    """Of each example of the first view: similarity to its partner, log of the sum of the "
    "others."""
    (one, two), weight = _views(first, second, sample_weight)
    others = pair_weights(weight) / tf.maximum(weight[:, None], 1e-12)
    partner = tf.reduce_sum(one * two, axis=-1)

    def far(own: Any, other: Any) -> Any:
        scores = [tf.matmul(own, rows, transpose_b=True) / temperature for rows in (own, other)]
        return log_sum(tf.concat(scores, axis=1), tf.concat([others, others], axis=1))

    alone = tf.reduce_sum(others, axis=1) == 0
    repelled = [tf.where(alone, 0 * partner, far(*pair)) for pair in ((one, two), (two, one))]
    return partner, repelled[0] + repelled[1], weight


@tfloss.loss(
    per="batch",
    same_shape=("first", "second"),
    latex=r"\mathrm{mean}_i-\frac{f_i^\top g_i}\tau+\log\sum_{j\ne i}e^{f_i^\top f_j/\tau}"
    r"+e^{f_i^\top g_j/\tau}",
    symmetric=True,
    family="self_supervised",
    example="dcl(hidden1, hidden2)",
)
def dcl(
    first: Any,
    second: Any,
    sample_weight: Any = None,
    *,
    temperature: Annotated[float, Above(0), Learnable()] = 0.1,
) -> Any:
    """Decoupled contrastive learning: the partner is not among those that it is compared with.

    first, second: (batch, …), of one width.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar, in nats: the mean over both views of each example; it may be negative. With
    one example nothing repels.

    temperature: τ, what cosines are divided by, positive.

    Source: Yeh et al. 2022, "Decoupled contrastive learning".
    """
    partner, far, weight = _decoupled(first, second, sample_weight, temperature)
    return weighted_mean(far / 2 - partner / temperature, weight)


@tfloss.loss(
    per="batch",
    same_shape=("first", "second"),
    latex=r"\mathrm{mean}_i-w_i\frac{f_i^\top g_i}\tau+\log\sum_{j\ne i}e^{f_i^\top f_j/\tau}"
    r"+e^{f_i^\top g_j/\tau},\ w_i=2-\frac{e^{f_i^\top g_i/\sigma}}{\mathrm{mean}_je^{f_j^"
    r"\top g_j/\sigma}}",
    symmetric=True,
    family="self_supervised",
    exempt={"gradient equals finite differences": "the weights w are constants in the gradient"},
    example="dclw(hidden1, hidden2)",
)
def dclw(
    first: Any,
    second: Any,
    sample_weight: Any = None,
    *,
    temperature: Annotated[float, Above(0), Learnable()] = 0.1,
    sigma: Annotated[float, Above(0)] = 0.5,
) -> Any:
    """Decoupled contrastive learning in which partners that are far apart pull harder.

    first, second: (batch, …), of one width.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar, in nats: the mean over both views of each example.

    temperature: τ, what cosines are divided by, positive.
    sigma: σ, the concentration of the weights, positive.

    Source: Yeh et al. 2022, "Decoupled contrastive learning", with von Mises-Fisher weights.
    """
    partner, far, weight = _decoupled(first, second, sample_weight, temperature)
    near = tf.exp((partner - 1) / sigma)
    pull = tf.stop_gradient(2 - near / tf.maximum(weighted_mean(near, weight), 1e-12))
    return weighted_mean(far / 2 - pull * partner / temperature, weight)


@tfloss.loss(
    per="batch",
    same_shape=("first", "second"),
    latex=r"\mathrm{mean}_i\Vert f_i-g_i\Vert^\alpha",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    family="self_supervised",
    example="alignment(hidden1, hidden2) + uniformity(embedding=hidden1)",
)
def alignment(
    first: Any, second: Any, sample_weight: Any = None, *, power: Annotated[float, Above(0)] = 2.0
) -> Any:
    """Alignment: both views of an example at one place on the sphere.

    first, second: (batch, …), of one width; rows are brought to length one.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: the weighted mean.

    power: α, of the distance, positive.

    Source: Wang and Isola 2020, "Understanding contrastive representation learning through
    alignment and uniformity on the hypersphere".
    """
    (one, two), weight = _views(first, second, sample_weight)
    square = tf.reduce_sum(tf.math.squared_difference(one, two), axis=-1)
    return weighted_mean(square if power == 2 else root(square) ** power, weight)


@tfloss.loss(
    per="batch",
    latex=r"\log\mathrm{mean}_{i\ne j}e^{-t\Vert f_i-f_j\Vert^2}",
    range=(None, 0),
    family="self_supervised",
    example="alignment(hidden1, hidden2) + uniformity(embedding=hidden1)",
)
def uniformity(
    embedding: Any, sample_weight: Any = None, *, sharpness: Annotated[float, Above(0)] = 2.0
) -> Any:
    """Uniformity: examples spread over the whole sphere.

    embedding: (batch, …); rows are brought to length one.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar, in nats, not above 0; 0 for a single example.

    sharpness: t, positive.

    Source: Wang and Isola 2020, "Understanding contrastive representation learning through
    alignment and uniformity on the hypersphere".
    """
    (rows,), weight = weighted_rows(sample_weight, embedding=embedding)
    rows = unit_length(rows)
    pairs = pair_weights(weight)
    total = tf.reduce_sum(pairs)
    found = tf.reduce_logsumexp(
        tf.where(
            pairs == 0,
            tf.constant(LOWEST, rows.dtype),
            tf.math.log(tf.maximum(pairs, 1e-30)) - sharpness * squared_distances(rows, rows),
        )
    )
    mean = found - tf.math.log(tf.maximum(total, 1e-30))
    return tf.where(total == 0, 0 * tf.reduce_sum(rows), mean)


@tfloss.loss(
    per="batch",
    latex=r"\mathrm{mean}_i-\log\min_{j\ne i}\Vert f_i-f_j\Vert",
    family="self_supervised",
    kinks=("two neighbours are equally near",),
    example="ce + 0.1*koleo(embedding=hidden1)",
)
def koleo(
    embedding: Any, sample_weight: Any = None, *, smallest: Annotated[float, Above(0)] = 1e-4
) -> Any:
    """Kozachenko-Leonenko entropy: nobody has a near neighbour.

    embedding: (batch, …); rows are brought to length one.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar, in nats: the weighted mean; 0 for a single example.

    smallest: added to each distance, positive, so that equal rows cost no infinity.

    Source: Sablayrolles et al. 2019, "Spreading vectors for similarity search".
    """
    (rows,), weight = weighted_rows(sample_weight, embedding=embedding)
    rows = unit_length(rows)
    there = pair_weights(tf.cast(weight != 0, rows.dtype)) > 0
    lowest = tf.constant(LOWEST, rows.dtype)
    near = tf.where(there, -squared_distances(rows, rows), lowest)
    top = tf.reduce_max(near, axis=-1, keepdims=True)
    # All that are as near but for rounding share the gradient; else rounding would choose.
    equal = tf.cast(near >= top - 1e-5 * tf.abs(top) - 1e-9, rows.dtype)
    nearest = -tf.reduce_sum(equal * near, axis=-1) / tf.maximum(tf.reduce_sum(equal, axis=-1), 1)
    alone = ~tf.reduce_any(there, axis=-1)
    distance = root(tf.where(alone, tf.ones_like(nearest), nearest))
    cost = -tf.math.log(distance + smallest)
    return weighted_mean(tf.where(alone, 0 * cost, cost), weight) + 0 * tf.reduce_sum(rows)


@tfloss.loss(
    same_shape=("first_prediction", "second_prediction", "first_projection", "second_projection"),
    latex=r"-\tfrac12\cos(p_1,\lfloor z_2\rfloor)-\tfrac12\cos(p_2,\lfloor z_1\rfloor)",
    range=(-1, 1),
    family="self_supervised",
    exempt={"gradient equals finite differences": "the projections are constants in the gradient"},
    example="simsiam(hidden1, hidden2, hidden1, hidden2)",
)
def simsiam(
    first_prediction: Any, second_prediction: Any, first_projection: Any, second_projection: Any
) -> Any:
    """SimSiam: each view predicts the other's projection, through which no gradient flows.

    first_prediction, second_prediction, first_projection, second_projection: (batch, k).
    Returns (batch,): minus the mean of both cosines.

    Source: Chen and He 2021, "Exploring simple Siamese representation learning", eq. 1 and 2.
    """

    def nearness(prediction: Any, projection: Any) -> Any:
        target = unit_length(tf.stop_gradient(projection))
        return tf.reduce_sum(unit_length(prediction) * target, axis=-1)

    crossed = nearness(first_prediction, second_projection)
    return -(crossed + nearness(second_prediction, first_projection)) / 2


@tfloss.loss(
    per="batch",
    same_shape=("first", "second"),
    latex=r"-\frac2n\sum_if_i^\top g_i+\frac1{n(n-1)}\sum_{i\ne j}(f_i^\top g_j)^2",
    symmetric=True,
    family="self_supervised",
    example="spectral_contrastive(normalize(hidden1), normalize(hidden2))",
)
def spectral_contrastive(first: Any, second: Any, sample_weight: Any = None) -> Any:
    """Spectral contrastive loss: partners aligned, all others at right angles.

    first, second: (batch, …), of one width; not brought to length one.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar, without a lower bound but at a given length.

    Source: HaoChen et al. 2021, "Provable guarantees for self-supervised deep learning with
    spectral contrastive loss".
    """
    (one, two), weight = weighted_rows(sample_weight, first=first, second=second)
    products = tf.matmul(one, two, transpose_b=True)
    apart = weighted_mean(tf.square(products), pair_weights(weight))
    return apart - 2 * weighted_mean(tf.linalg.diag_part(products), weight)


@tfloss.loss(
    per="batch",
    same_shape=("first", "second"),
    latex=r"-\Vert C\Vert_*,\ C_i=\tfrac12(f_i+g_i)",
    range=(None, 0),
    symmetric=True,
    family="self_supervised",
    example="mmcr(hidden1, hidden2)",
)
def mmcr(first: Any, second: Any, sample_weight: Any = None) -> Any:
    """Maximum manifold capacity: the means of both views fill as many directions as they can.

    first, second: (batch, …), of one width; rows are brought to length one.
    sample_weight: (batch,), or None for all ones; an example counts by the root of its weight.
    Returns a scalar, not above 0: minus the nuclear norm of the matrix of the views' means.

    Source: Yerxa et al. 2023, "Learning efficient coding of natural images with maximum manifold
    capacity representations", without the term of the single manifolds.
    """
    (one, two), weight = _views(first, second, sample_weight)
    centres = (one + two) / 2 * root(weight)[:, None]
    # In float64, as the root of what rounding leaves of a zero would count.
    centres = tf.cast(centres, tf.float64)
    gram = tf.matmul(centres, centres, transpose_a=True)
    # The roots of the eigenvalues are the singular values; their gradients are always there.
    values = tf.linalg.eigvalsh(gram)
    return tf.cast(-tf.reduce_sum(root(tf.nn.relu(values))), one.dtype)


@tfloss.loss(
    per="batch",
    same_shape=("first", "second"),
    latex=r"-\mathrm{mean}_if_i^\top g_i+\rho\,\mathrm{mean}_if_i^\top Cf_i,\ C\leftarrow"
    r"\beta C+(1-\beta)\tfrac1nf^\top f",
    family="self_supervised",
    state=lambda shapes, settings: {
        "covariance": tfloss.LossVariable(
            (math.prod(shapes["first"][1:]), math.prod(shapes["first"][1:])),
            "zeros",
            trainable=False,
        )
    },
    exempt={"gradient equals finite differences": "the covariance is a constant in the gradient"},
    example="tico(hidden1, hidden2)",
)
def tico(
    first: Any,
    second: Any,
    sample_weight: Any = None,
    *,
    momentum: Annotated[float, Interval(0, 1, "left")] = 0.9,
    weight: Annotated[float, AtLeast(0)] = 8.0,
    state: Any,
) -> Any:
    """Transformation invariance and covariance contrast: partners alike, directions shared out.

    first, second: (batch, …), of one width; rows are brought to length one.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar.

    momentum: β, how much of the remembered covariance stays in a step, in [0, 1).
    weight: ρ, of the covariance, 0 or more.

    Held: covariance, (k, k), moved while training.

    Source: Zhu et al. 2022, "TiCo: transformation invariance and covariance contrast for
    self-supervised visual representation learning".
    """
    (one, two), counts = _views(first, second, sample_weight)
    total = tf.maximum(tf.reduce_sum(counts), 1e-12)
    now = tf.matmul(counts[:, None] * one, one, transpose_a=True) / total
    moved = tf.stop_gradient(momentum * state["covariance"] + (1 - momentum) * now)
    state.update("covariance", moved)
    contrast = tf.reduce_sum(tf.matmul(one, moved) * one, axis=-1)
    return weighted_mean(weight * contrast - tf.reduce_sum(one * two, axis=-1), counts)


@tfloss.loss(
    per="batch",
    same_shape=("first", "second"),
    latex=r"-\tfrac12\mathrm{mean}_iq_2^\top\log p_1+q_1^\top\log p_2,\ p=\mathrm{softmax}(z/\tau),"
    r"\ q=\mathrm{Sinkhorn}(z/\epsilon)",
    range=(0, None),
    symmetric=True,
    family="self_supervised",
    domains={"first": "unit", "second": "unit"},
    exempt={
        "gradient equals finite differences": "the assignments q are constants in the gradient"
    },
    example="swav(normalize(hidden1), normalize(hidden2))",
)
def swav(
    first: Any,
    second: Any,
    sample_weight: Any = None,
    *,
    temperature: Annotated[float, Above(0)] = 0.1,
    epsilon: Annotated[float, Above(0)] = 0.05,
    iterations: Annotated[int, AtLeast(1)] = 3,
) -> Any:
    """SwAV: each view predicts the other's cluster; the clusters get equally many examples.

    first, second: (batch, C), cosines to C prototypes: a layer of C units without a bias on rows of
    length one.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar, in nats.

    temperature: τ, what cosines are divided by, positive.
    epsilon: of the assignments, positive; the smaller, the harder they are.
    iterations: of Sinkhorn and Knopp, 1 or more.

    Source: Caron et al. 2020, "Unsupervised learning of visual features by contrasting cluster
    assignments", with the authors' algorithm 1 for the assignments.
    """
    rows, weight = weighted_rows(sample_weight, first=first, second=second)
    targets = [tf.stop_gradient(_balanced(view / epsilon, weight, iterations)) for view in rows]
    said = [tf.nn.log_softmax(view / temperature) for view in rows]
    cost = -tf.reduce_sum(targets[1] * said[0] + targets[0] * said[1], axis=-1) / 2
    return weighted_mean(cost, weight)


def _balanced(scores: Any, weight: Any, iterations: int) -> Any:
    """Assignments, (batch, C), whose rows add up to one and whose columns get equal weight."""
    log_weight = tf.math.log(tf.maximum(weight, 1e-30))[:, None]
    gone = weight[:, None] == 0
    lowest = tf.constant(LOWEST, scores.dtype)
    for _ in range(iterations):
        held = tf.where(gone, lowest, scores + log_weight)
        scores -= tf.reduce_logsumexp(held, axis=0, keepdims=True)
        scores -= tf.reduce_logsumexp(scores, axis=1, keepdims=True)
    return tf.exp(scores)


@tfloss.loss(
    per="batch",
    same_shape=("teacher_logits", "logits"),
    latex=r"-\mathrm{mean}_iq_i^\top\log p_i,\ q=\mathrm{softmax}\bigl((t-c)/\tau_t\bigr),"
    r"\ p=\mathrm{softmax}(z/\tau)",
    range=(0, None),
    family="self_supervised",
    domains={"teacher_logits": "logits", "logits": "logits"},
    state=lambda shapes, settings: {
        "centre": tfloss.LossVariable((shapes["logits"][-1],), "zeros", trainable=False)
    },
    example="dino(teacher_logits=log(teacher), logits=logits)",
)
def dino(
    teacher_logits: Any,
    logits: Any,
    sample_weight: Any = None,
    *,
    temperature: Annotated[float, Above(0)] = 0.1,
    teacher_temperature: Annotated[float, Above(0)] = 0.04,
    momentum: Annotated[float, Interval(0, 1, "left")] = 0.9,
    state: Any,
) -> Any:
    """DINO: cross-entropy with a teacher that is centred, so that no class gets all, and sharpened.

    teacher_logits, logits: (batch, C); the teacher sees another view and moves slowly after the
    student. This is the term of one view of the student and one of the teacher; the paper sums it
    over all pairs of different views, which a formula adds up: dino(…) + dino(…), each with a
    centre of its own.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar, in nats.

    temperature: τ, of the student, positive.
    teacher_temperature: τ_t, positive, below the student's.
    momentum: how much of the centre stays in a step, in [0, 1).

    Held: centre, (C,), the teacher's mean logits, moved while training.

    Source: Caron et al. 2021, "Emerging properties in self-supervised vision transformers", eq. 1
    to 4.
    """
    rows, weight = weighted_rows(sample_weight, teacher_logits=teacher_logits, logits=logits)
    centre = state["centre"]
    target = tf.nn.softmax((rows[0] - centre[None, :]) / teacher_temperature)
    cost = -tf.reduce_sum(target * tf.nn.log_softmax(rows[1] / temperature), axis=-1)
    total = tf.maximum(tf.reduce_sum(weight), 1e-12)
    mean = tf.reduce_sum(weight[:, None] * rows[0], axis=0) / total
    state.update("centre", tf.stop_gradient(momentum * centre + (1 - momentum) * mean))
    return weighted_mean(cost, weight)


@tfloss.loss(
    per="batch",
    same_shape=("first", "second"),
    latex=r"\tfrac12\sum_v\log\Vert C_v\Vert_F^2+\mathrm{mean}\Vert f-g\Vert^2",
    symmetric=True,
    family="self_supervised",
    example="frossl(hidden1, hidden2)",
)
def frossl(
    first: Any,
    second: Any,
    sample_weight: Any = None,
    *,
    invariance: Annotated[float, AtLeast(0)] = 1.4,
    smallest: Annotated[float, Above(0)] = 1e-6,
) -> Any:
    """FroSSL: views alike, and the covariance of each far from a single direction.

    first, second: (batch, …), of one width.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar. Each view is divided by the root of its total variance, so that the squared
    norm of its covariance is 1 for one direction and 1/k for k equal ones.

    invariance: the weight of the mean squared difference of the views, 0 or more.
    smallest: added to the total variance and to the squared norm, positive.

    Source: Skean et al. 2024, "FroSSL: Frobenius norm minimization for efficient multiview
    self-supervised learning".
    """
    rows, weight = weighted_rows(sample_weight, first=first, second=second)
    spread, scaled = 0.0, []
    for view in rows:
        apart = centred(view, weight)
        variance = weighted_mean(tf.reduce_sum(tf.square(apart), axis=-1), weight)
        own = apart * tf.math.rsqrt(variance + smallest)
        scaled.append(own)
        total = tf.maximum(tf.reduce_sum(weight), 1e-12)
        matrix = tf.matmul(weight[:, None] * own, own, transpose_a=True) / total
        spread += tf.math.log(tf.reduce_sum(tf.square(matrix)) + smallest)
    alike = weighted_mean(tf.reduce_sum(tf.math.squared_difference(*scaled), axis=-1), weight)
    return zero_without_weight(spread / 2 + invariance * alike, weight)


@tfloss.loss(
    per="batch",
    latex=r"\bar p^\top\log\bar p+\log C,\ \bar p=\mathrm{mean}_ip_i",
    range=(0, None),
    family="self_supervised",
    example="ce + 0.1*mean_entropy_maximization",
)
def mean_entropy_maximization(logits: Any, sample_weight: Any = None) -> Any:
    """Mean entropy maximization: on average every class or prototype is used equally.

    logits: (batch, C), C at least 2.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar, in nats: log C less the entropy of the mean distribution; 0 where all are used
    alike.

    Source: Assran et al. 2022, "Masked Siamese networks for label-efficient learning", the
    regulariser.
    """
    (rows,), weight = weighted_rows(sample_weight, logits=logits)
    if rows.shape[-1] == 1:
        raise ValueError("'mean_entropy_maximization' needs a column per class; 'logits' has one.")
    total = tf.maximum(tf.reduce_sum(weight), 1e-12)
    log_p = tf.nn.log_softmax(rows)
    mean = tf.reduce_sum(weight[:, None] * tf.exp(log_p), axis=0) / total
    negative = tf.reduce_sum(mean * tf.math.log(tf.maximum(mean, 1e-30)))
    return zero_without_weight(negative + math.log(rows.shape[-1]), weight)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [
        siglip,
        dcl,
        dclw,
        alignment,
        uniformity,
        koleo,
        simsiam,
        spectral_contrastive,
        mmcr,
        tico,
        swav,
        dino,
        frossl,
        mean_entropy_maximization,
    ]
