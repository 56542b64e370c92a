"""Views by the statistics of their batch: covariances, spectra, centroids."""

from __future__ import annotations

import math
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, Interval
from tfloss.ops import (
    centred,
    root,
    weighted_mean,
    weighted_rows,
    zero_without_weight,
)
from tfloss_losses.self_supervised.common import views


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
    (one, two), weight = views(first, second, sample_weight)
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
    (one, two), counts = views(first, second, sample_weight)
    total = tf.maximum(tf.reduce_sum(counts), 1e-12)
    now = tf.matmul(counts[:, None] * one, one, transpose_a=True) / total
    moved = tf.stop_gradient(momentum * state["covariance"] + (1 - momentum) * now)
    state.update("covariance", moved)
    contrast = tf.reduce_sum(tf.matmul(one, moved) * one, axis=-1)
    return weighted_mean(weight * contrast - tf.reduce_sum(one * two, axis=-1), counts)


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
