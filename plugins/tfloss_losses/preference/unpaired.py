"""Preferences of single answers: each was liked, or was not."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above
from tfloss.ops import same_shape, zeroed


def _unpaired(policy: Any, reference: Any, liked: Any) -> tuple[Any, Any]:
    same_shape(liked=liked, policy=policy[:, 0] if len(policy.shape) > 1 else policy)
    gain = policy - reference
    return gain, tf.reshape(liked, [-1] + [1] * (len(gain.shape) - 1))


@tfloss.loss(
    family="preference",
    per="batch",
    same_shape=("policy", "ref"),
    latex=r"\lambda_y\Bigl(1-\sigma\bigl(\pm\beta(\Delta-\lfloor z\rfloor)\bigr)\Bigr),"
    r"\ z=\max(0,\overline\Delta)",
    range=(0, None),
    domains={"liked": "groups"},
    exempt={"gradient equals finite differences": "the point of reference z is a constant"},
    example="kto(policy=hidden1, ref=slope, liked=sex)",
)
def kto(
    policy: Any,
    ref: Any,
    liked: Any,
    sample_weight: Any = None,
    *,
    beta: Annotated[float, Above(0)] = 0.1,
    desirable: Annotated[float, Above(0)] = 1.0,
    undesirable: Annotated[float, Above(0)] = 1.0,
) -> Any:
    """Kahneman-Tversky optimization: answers that were liked or disliked, not in pairs.

    policy, ref: (batch, …), summed log-probabilities by student and reference.
    liked: (batch,), 1 or 0.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar: the weighted mean. The point of reference is the batch's mean gain, if that is
    positive: the paper estimates it by answers to other questions.

    beta: how near the student stays to the reference, positive.
    desirable, undesirable: what an example counts that was liked, or not; positive.

    Source: Ethayarajh et al. 2024, "KTO: model alignment as prospect theoretic optimization".
    """
    gain, liked = _unpaired(policy, ref, liked)
    weight = _broad_weight(gain, sample_weight)
    gain, liked = zeroed(gain, sample_weight), zeroed(liked, sample_weight)
    usual = _mean(gain, weight)
    usual = tf.stop_gradient(tf.maximum(usual, 0))
    up = desirable * tf.sigmoid(-beta * (gain - usual))
    down = undesirable * tf.sigmoid(-beta * (usual - gain))
    return _mean(liked * up + (1 - liked) * down, weight)


@tfloss.loss(
    family="preference",
    per="batch",
    same_shape=("policy", "ref"),
    latex=r"-y\log\sigma(\beta\Delta-\delta)-(1-y)\log\sigma(\delta-\beta\Delta),"
    r"\ \delta=\tfrac12(\bar r_1+\bar r_0)",
    range=(0, None),
    domains={"liked": "groups"},
    exempt={"gradient equals finite differences": "the shift delta is a constant"},
    example="bco(policy=hidden1, ref=slope, liked=sex)",
)
def bco(
    policy: Any,
    ref: Any,
    liked: Any,
    sample_weight: Any = None,
    *,
    beta: Annotated[float, Above(0)] = 0.1,
) -> Any:
    """Binary classifier optimization: liked and disliked told apart by their gain.

    policy, ref: (batch, …), summed log-probabilities by student and reference.
    liked: (batch,), 1 or 0.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar, in nats: the weighted mean. The shift δ is the middle between the mean rewards
    of both groups in the batch; the paper's is a moving average.

    beta: how near the student stays to the reference, positive.

    Source: Jung et al. 2024, "Binary classifier optimization for large language model alignment".
    """
    gain, liked = _unpaired(policy, ref, liked)
    weight = _broad_weight(gain, sample_weight)
    reward = tf.where(weight == 0, tf.zeros_like(gain), beta * gain)
    liked = tf.where(weight == 0, tf.zeros_like(reward), liked + tf.zeros_like(reward))
    shift = (_mean(reward, weight * liked) + _mean(reward, weight * (1 - liked))) / 2
    shift = tf.stop_gradient(shift)
    right, wrong = tf.nn.softplus(shift - reward), tf.nn.softplus(reward - shift)
    return _mean(liked * right + (1 - liked) * wrong, weight)


def _broad_weight(values: Any, sample_weight: Any) -> Any:
    """The weight of each value, of its shape."""
    weight = tf.ones_like(values)
    if sample_weight is None:
        return weight
    same_shape(
        values=values[:, 0] if len(values.shape) > 1 else values, sample_weight=sample_weight
    )
    return weight * tf.reshape(sample_weight, [-1] + [1] * (len(values.shape) - 1))


def _mean(values: Any, weight: Any) -> Any:
    return tf.reduce_sum(weight * values) / tf.maximum(tf.reduce_sum(weight), 1e-12)
