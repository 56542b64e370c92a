"""Two views of an example against those of the others."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, Learnable
from tfloss.ops import (
    log_sum,
    pair_weights,
    weighted_mean,
    weighted_rows,
)
from tfloss_losses.self_supervised.common import views


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
    (one, two), weight = views(first, second, sample_weight)
    scores = tf.matmul(one, two, transpose_b=True) / temperature + bias
    right = weight * weight * tf.nn.softplus(-tf.linalg.diag_part(scores))
    wrong = tf.reduce_sum(pair_weights(weight) * tf.nn.softplus(scores), axis=-1)
    return tf.reduce_sum(right + wrong) / tf.maximum(tf.reduce_sum(weight), 1e-12)


def _decoupled(first: Any, second: Any, sample_weight: Any, temperature: float) -> Any:
    """Of each example of the first view: similarity to its partner, log of the sum of the "
    "others."""
    (one, two), weight = views(first, second, sample_weight)
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
