"""Consistency: a student answers alike for several views of one example, with labels or without.

The views are outputs of one model with several inputs, or of a model and its moving average:
`fixmatch(weak.logits, strong.logits)`.
"""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, Interval
from tfloss.ops import columns, log_probs

_LOGITS = {"weak": "logits", "strong": "logits"}
_CONSTANT = {"gradient equals finite differences": "the weak view's answer is a constant"}


def _sure(log_p: Any, threshold: float) -> Any:
    """1 where the largest probability reaches the threshold; a NaN stays one.  (batch,)."""
    top = tf.exp(tf.reduce_max(log_p, axis=-1))
    return tf.where(top >= threshold, tf.ones_like(top), 0 * tf.reduce_sum(log_p, axis=-1))


@tfloss.loss(
    same_shape=("weak", "strong"),
    latex=r"[\max_cq_c\ge\tau]\,(-\log p_{\hat y}),\ \hat y=\arg\max_cq_c",
    range=(0, None),
    family="self_supervised",
    domains=_LOGITS,
    example="fixmatch(logits, logits, threshold=0.4)",
)
def fixmatch(weak: Any, strong: Any, *, threshold: Annotated[float, Interval(0, 1)] = 0.95) -> Any:
    """FixMatch's unlabelled term: what the weak view is sure of is the strong view's label.

    weak, strong: (batch, 1), or (batch, C), the logits of a slightly and of a heavily changed copy.
    Returns (batch,), in nats; 0 where the weak view is not sure. No gradient flows into it.

    threshold: τ, the probability from which an answer is a label, from 0 to 1.

    Source: Sohn et al. 2020, "FixMatch: simplifying semi-supervised learning with consistency and
    confidence", eq. 4.
    """
    log_q, log_p = tf.stop_gradient(log_probs(weak)), log_probs(strong)
    label = tf.one_hot(tf.argmax(log_q, axis=-1), columns(log_q), dtype=log_q.dtype)
    sure = _sure(log_q, threshold)
    return -sure * tf.reduce_sum(label * log_p, axis=-1)


@tfloss.loss(
    same_shape=("weak", "strong"),
    latex=r"[\max_cq_c\ge\beta]\,\mathrm{KL}\bigl(q^{(T)}\,\Vert\,p\bigr)",
    range=(0, None),
    family="self_supervised",
    domains=_LOGITS,
    exempt=_CONSTANT,
    example="uda(logits, logits)",
)
def uda(
    weak: Any,
    strong: Any,
    *,
    temperature: Annotated[float, Above(0)] = 0.4,
    threshold: Annotated[float, Interval(0, 1)] = 0.8,
) -> Any:
    """Unsupervised data augmentation: the strong view follows the sharpened weak one.

    weak, strong: (batch, 1), or (batch, C), the logits of an example and of a changed copy.
    Returns (batch,), in nats; 0 where the weak view is not sure. No gradient flows into it.

    temperature: T, by which the weak view's logits are divided, positive.
    threshold: β, the probability from which an example counts, from 0 to 1.

    Source: Xie et al. 2020, "Unsupervised data augmentation for consistency training", eq. 1 with
    the sharpening and masking of section 3.2.
    """
    weak = tf.stop_gradient(weak)
    log_q, log_p = log_probs(weak / temperature), log_probs(strong)
    sure = _sure(log_probs(weak), threshold)
    apart = tf.reduce_sum(tf.exp(log_q) * (log_q - log_p), axis=-1)
    return sure * apart


@tfloss.loss(
    same_shape=("clean", "first", "second"),
    latex=r"\tfrac13\sum_v\mathrm{KL}(p_v\,\Vert\,m),\ m=\tfrac13\sum_vp_v",
    range=(0, 1.0987),
    family="self_supervised",
    domains={"clean": "logits", "first": "logits", "second": "logits"},
    example="ce + 12*augmix(logits, logits, logits)",
)
def augmix(clean: Any, first: Any, second: Any) -> Any:
    """AugMix's consistency: Jensen-Shannon divergence of three views of an example.

    clean, first, second: (batch, 1), or (batch, C), the logits of an example and two changed
    copies.
    Returns (batch,), in nats, from 0 to log 3.

    Source: Hendrycks et al. 2020, "AugMix: a simple data processing method to improve robustness
    and uncertainty", eq. 1.
    """
    views = tf.stack([log_probs(x) for x in (clean, first, second)])
    middle = tf.reduce_logsumexp(views, axis=0) - tf.math.log(tf.constant(3.0, views.dtype))
    return tf.reduce_sum(tf.exp(views) * (views - middle), axis=[0, -1]) / 3


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [fixmatch, uda, augmix]
