"""Embeddings by an anchor, what is like it and what is not."""

from __future__ import annotations

import math
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, Interval
from tfloss.ops import (
    few_enough_for_triples,
    log_sum,
    root,
    unit_length,
    weighted_mean,
)
from tfloss_losses.metric_learning.common import ANY, pairs


@tfloss.loss(
    per="batch",
    latex=r"\mathrm{mean}_{(a,p)}\log\Bigl(1+\sum_{n\not\sim a}e^{4\tan^2\alpha\,(f_a+f_p)^\top f_n"
    r"-2(1+\tan^2\alpha)f_a^\top f_p}\Bigr)",
    range=(0, None),
    family="representation",
    domains=ANY,
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
    rows, weight, like, unlike = pairs(labels, embedding, sample_weight)
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
    domains=ANY,
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
    rows, weight, like, unlike = pairs(labels, embedding, sample_weight)
    rows = unit_length(rows)
    cosine = tf.matmul(rows, rows, transpose_b=True)
    sine = root(tf.nn.relu(1 - tf.square(cosine)))
    slack = cosine * math.cos(margin) + sine * math.sin(margin)
    unlikes = log_sum(scale * cosine, unlike)
    return weighted_mean(tf.nn.softplus(unlikes[:, None] - scale * slack), like * weight[:, None])
