"""Calibration: of the answers given with 80 % certainty, 80 % shall be right.

Certainty is the largest probability, and an answer is right or wrong; both are compared over a
batch, so these losses give one value per batch. They are terms beside a loss that trains the
answers themselves.
"""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast
from tfloss.ops import as_distribution, log_probs, weighted_mean, weighted_rows


def _certainty(labels: Any, logits: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
    """The largest probability, whether it is the label's (1 or 0), and the weight, all (batch,)."""
    (labels, logits), weight = weighted_rows(sample_weight, labels=labels, logits=logits)
    p, members = tf.exp(log_probs(logits)), as_distribution(labels)
    answer = tf.one_hot(tf.argmax(p, axis=-1), p.shape[-1], dtype=p.dtype)
    # Both as sums of products, in which a NaN stays one.
    return tf.reduce_sum(answer * p, axis=-1), tf.reduce_sum(answer * members, axis=-1), weight


@tfloss.loss(
    same_shape=("labels", "logits"),
    per="batch",
    latex=r"\frac1{n^2}\sum_{i,j}(c_i-r_i)(c_j-r_j)\,e^{-|r_i-r_j|/h}",
    range=(0, 1),
    kinks=("two examples have one certainty", "two classes share the largest probability"),
    example="bce + mmce(width=0.2)",
)
def mmce(
    labels: Any, logits: Any, sample_weight: Any = None, *, width: Annotated[float, Above(0)] = 0.4
) -> Any:
    """Maximum mean calibration error, squared: answers of like certainty are as often right.

    labels: (batch, 1), or one-hot (batch, C).  logits: same shape.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar; the paper's term is its root, sqrt(mmce), whose slope at 0 is infinite.

    width: h, positive: up to which difference of certainty examples are compared.

    Source: Kumar, Sarawagi and Jain 2018, "Trainable calibration measures for neural networks from
    kernel mean embeddings", with a Laplacian kernel.
    """
    certainty, right, weight = _certainty(labels, logits, sample_weight)
    kernel = tf.exp(-tf.abs(certainty[:, None] - certainty[None, :]) / width)
    gap = right - certainty
    return weighted_mean(gap[:, None] * gap[None, :] * kernel, weight[:, None] * weight[None, :])


@tfloss.loss(
    same_shape=("labels", "logits"),
    per="batch",
    latex=r"\sum_b\frac{S_b}n\Bigl|\frac{\sum_iu_{ib}(c_i-r_i)}{S_b}\Bigr|^q,"
    r"\ u_{ib}\propto e^{-(r_i-\xi_b)^2/T},\ S_b=\sum_iu_{ib}",
    range=(0, 1),
    kinks=("power == 1 and a bin has no gap", "two classes share the largest probability"),
    example="bce + soft_ece(bins=10)",
)
def soft_ece(
    labels: Any,
    logits: Any,
    sample_weight: Any = None,
    *,
    bins: Annotated[int, AtLeast(1)] = 15,
    temperature: Annotated[float, Above(0)] = 0.01,
    power: Annotated[float, AtLeast(1)] = 2.0,
) -> Any:
    """Soft-binned expected calibration error: the gap of certainty and accuracy, bin by bin.

    labels: (batch, 1), or one-hot (batch, C).  logits: same shape.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar; the paper takes its root of order q, whose slope at 0 is infinite.

    bins: how many, of equal width from 0 to 1, 1 or more.
    temperature: T, positive: how softly an example belongs to several bins; near 0 to one only.
    power: q, 1 or more: 1 is the usual ECE, 2 stresses large gaps.

    Source: Karandikar et al. 2021, "Soft calibration objectives for neural networks".
    """
    certainty, right, weight = _certainty(labels, logits, sample_weight)
    centres = (tf.range(bins, dtype=certainty.dtype) + 0.5) / bins
    apart = tf.math.squared_difference(certainty[:, None], centres[None, :])
    share = weight[:, None] * tf.nn.softmax(-apart / temperature)
    size = tf.reduce_sum(share, axis=0)
    gap = tf.abs(tf.reduce_sum(share * (right - certainty)[:, None], axis=0))
    mean_gap = gap / tf.maximum(size, 1e-12)
    return weighted_mean(mean_gap if power == 1 else mean_gap**power, size)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [mmce, soft_ece]
