"""Representations by the statistics of their columns over a batch, without negative pairs."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, OneOf
from tfloss.ops import centred, covariance, weighted_mean, weighted_rows, zero_without_weight


def _two_views(first: Any, second: Any, sample_weight: Any) -> tuple[list[Any], Any]:
    return weighted_rows(sample_weight, first=first, second=second)


@tfloss.loss(
    same_shape=("first", "second"),
    per="batch",
    latex=r"\sum_c(1-R_{cc})^2+\lambda\sum_{c\ne d}R_{cd}^2,\ R_{cd}=\rho(f_{\cdot c},g_{\cdot d})",
    range=(0, None),
    symmetric=True,
    family="representation",
    example="barlow_twins(hidden1, hidden2)",
)
def barlow_twins(
    first: Any,
    second: Any,
    sample_weight: Any = None,
    *,
    off_diagonal: Annotated[float, AtLeast(0)] = 5e-3,
) -> Any:
    """Barlow twins: two views agree in each column, and different columns tell different things.

    first, second: (batch, …), of one width, two views of each example.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar. A column that is constant over the batch correlates with nothing.

    off_diagonal: lambda, the weight of the correlations between columns, 0 or more.

    Conventions: the weight of the paper, 0.005; the authors' code has off_diagonal=0.0051. The
    deviation divides by n in both.

    Source: Zbontar et al. 2021, "Barlow twins", eq. 1 and 2.
    """
    rows, weight = _two_views(first, second, sample_weight)
    one, two = (_standardised(view, weight) for view in rows)
    correlation = tf.matmul(weight[:, None] * one, two, transpose_a=True)
    own = tf.linalg.diag_part(correlation)
    crossed = tf.reduce_sum(tf.square(correlation)) - tf.reduce_sum(tf.square(own))
    found = tf.reduce_sum(tf.square(1 - own)) + off_diagonal * crossed
    return zero_without_weight(found, weight)


def _standardised(rows: Any, weight: Any) -> Any:
    """Columns of weighted mean 0 whose weighted squares add up to one; constant ones become 0."""
    apart = centred(rows, weight)
    square = tf.reduce_sum(weight[:, None] * tf.square(apart), axis=0, keepdims=True)
    # What rounding leaves of a constant column is no spread.
    mean_square = tf.reduce_sum(weight[:, None] * tf.square(rows), axis=0, keepdims=True)
    constant = square <= 1e-12 * (1 + mean_square)
    scaled = apart * tf.math.rsqrt(tf.where(constant, tf.ones_like(square), square))
    return tf.where(constant, tf.zeros_like(scaled), scaled)


@tfloss.loss(
    same_shape=("first", "second"),
    per="batch",
    latex=r"\tfrac\lambda n\sum_i\Vert f_i-g_i\Vert^2+\sum_{Z\in\{F,G\}}\Bigl[\tfrac\mu k\sum_c"
    r"\max\bigl(0,1-\sqrt{C^Z_{cc}+\epsilon}\bigr)+\tfrac\nu k\sum_{c\ne d}(C^Z_{cd})^2\Bigr]",
    range=(0, None),
    symmetric=True,
    kinks=("a column's standard deviation is one",),
    family="representation",
    example="vicreg(hidden1, hidden2)",
)
def vicreg(
    first: Any,
    second: Any,
    sample_weight: Any = None,
    *,
    invariance: Annotated[float, AtLeast(0)] = 25.0,
    variance: Annotated[float, AtLeast(0)] = 25.0,
    covariances: Annotated[float, AtLeast(0)] = 1.0,
    epsilon: Annotated[float, Above(0)] = 1e-4,
    form: Annotated[str, OneOf("paper", "code")] = "paper",
) -> Any:
    """VICReg: two views agree, no column collapses to a constant, no two columns say the same.

    first, second: (batch, …), of one width k, two views of each example.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar.

    invariance, variance, covariances: weights lambda, mu and nu of the three parts, 0 or more.
    epsilon: added to the variances below the root; positive.
    form: whose sums: "paper" or "code".

    Conventions: the sums are the paper's (form="paper"); with form="code" those of its authors,
    lightly and pytorch-metric-learning, whose invariance is a mean over the columns and whose
    variance is halved, so that their weights 25, 25 and 1 can be taken over.

    Source: Bardes, Ponce and LeCun 2022, "VICReg", eq. 1 to 6.
    """
    rows, weight = _two_views(first, second, sample_weight)
    apart = weighted_mean(tf.reduce_sum(tf.math.squared_difference(*rows), axis=-1), weight)
    if form == "code":
        apart, variance = apart / rows[0].shape[-1], variance / 2
    total = invariance * apart
    for view in rows:
        found = covariance(view, weight)
        own = tf.linalg.diag_part(found)
        spread = tf.reduce_mean(tf.nn.relu(1 - tf.sqrt(own + epsilon)))
        crossed = tf.reduce_sum(tf.square(tf.linalg.set_diag(found, tf.zeros_like(own))))
        total += variance * spread + covariances * crossed / view.shape[-1]
    return zero_without_weight(total, weight)


@tfloss.loss(
    same_shape=("first", "second"),
    per="batch",
    latex=r"\frac1{4k^2}\Vert C_F-C_G\Vert_F^2",
    range=(0, None),
    zero_at_optimum=True,
    symmetric=True,
    family="representation",
    example="ce + coral(hidden2, other_domain)",
)
def coral(first: Any, second: Any, sample_weight: Any = None) -> Any:
    """Deep CORAL: two sets of rows, from two domains for example, have one covariance.

    first, second: (batch, …), of one width k; their rows need not belong together.
    sample_weight: (batch,), or None for all ones; counts for both sets.
    Returns a scalar.

    Source: Sun and Saenko 2016, "Deep CORAL: correlation alignment for deep domain adaptation",
    eq. 1 to 3.
    """
    rows, weight = _two_views(first, second, sample_weight)
    # Two large matrices that may be nearly equal: their difference needs double precision.
    wide = tf.cast(weight, tf.float64)
    one, two = (covariance(tf.cast(view, tf.float64), wide) for view in rows)
    apart = tf.reduce_mean(tf.math.squared_difference(one, two)) / 4
    return tf.cast(apart, rows[0].dtype)


@tfloss.loss(
    per="batch",
    latex=r"1-\frac{\Vert\tilde G^\top\tilde F\Vert_F^2}"
    r"{\Vert\tilde F^\top\tilde F\Vert_F\Vert\tilde G^\top\tilde G\Vert_F}",
    range=(0, 1),
    zero_at_optimum=True,
    symmetric=True,
    family="representation",
    domains={"second": "numbers*any"},
    example="ce + 0.1*cka(hidden2, teacher.hidden1)",
)
def cka(first: Any, second: Any, sample_weight: Any = None) -> Any:
    """Centred kernel alignment: two layers see the same relations, up to rotation and scale.

    first, second: (batch, …), of any widths.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: one minus the linear CKA; 1 where a layer is constant.

    Source: Kornblith et al. 2019, "Similarity of neural network representations revisited",
    section 3, linear CKA.
    """
    views, weight = weighted_rows(sample_weight, first=first, second=second)
    one, two = (_of_size_one(view, weight) for view in views)
    crossed, *own = (
        tf.reduce_sum(tf.square(tf.matmul(weight[:, None] * left, right, transpose_a=True)))
        for left, right in ((one, two), (one, one), (two, two))
    )
    found = 1 - crossed * tf.math.rsqrt(tf.maximum(own[0] * own[1], 1e-12))
    return zero_without_weight(found, weight)


def _of_size_one(rows: Any, weight: Any) -> Any:
    """Centred rows whose weighted squares add up to one; constant ones become 0."""
    apart = centred(rows, weight)
    square = tf.reduce_sum(weight[:, None] * tf.square(apart))
    constant = square <= 1e-12 * (1 + tf.reduce_sum(weight[:, None] * tf.square(rows)))
    scaled = apart * tf.math.rsqrt(tf.where(constant, tf.ones_like(square), square))
    return tf.where(constant, tf.zeros_like(scaled), scaled)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [barlow_twins, vicreg, coral, cka]
