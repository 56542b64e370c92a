"""How near views are, and how evenly examples fill the sphere."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above
from tfloss.ops import (
    LOWEST,
    pair_weights,
    root,
    squared_distances,
    unit_length,
    weighted_mean,
    weighted_rows,
)
from tfloss_losses.self_supervised.common import views


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
    (one, two), weight = views(first, second, sample_weight)
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
