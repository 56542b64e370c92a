"""Rankings by a softmax over the items."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above
from tfloss_losses.ranking import (
    _differences,
    _lists,
    _log_shares,
    _more_relevant,
)
from tfloss_losses.ranking_metrics.common import GRADES, SAME, gains


@tfloss.loss(
    same_shape=SAME,
    latex=r"-\sum_i(2^{y_i}-1)\log\frac{e^{s_i}}{e^{s_i}+\sum_{y_j<y_i}e^{s_j}}",
    range=(0, None),
    domains=GRADES,
    family="ranking",
)
def unique_softmax(labels: Any, prediction: Any) -> Any:
    """Unique softmax: each relevant item against the less relevant ones only.

    labels: (batch, items), relevance; a negative one marks an empty place.
    prediction: same shape, the scores.
    Returns (batch,), in nats.

    Source: Zhu and Klabjan 2020, "Listwise learning to rank by exploring unique ratings", with
    gains as in TF-Ranking.
    """
    relevance, scores, empty = _lists(labels, prediction)
    less = _more_relevant(relevance, empty)
    lead = tf.where(less > 0, -_differences(scores), tf.constant(-1e30, scores.dtype))
    lost = tf.nn.softplus(tf.reduce_logsumexp(lead, axis=-1))
    lost = tf.where(tf.reduce_any(less > 0, axis=-1), lost, 0 * scores)
    return tf.reduce_sum(gains(relevance) * lost, axis=-1)


@tfloss.loss(
    same_shape=SAME,
    latex=r"-\sum_iq_i\log\frac{e^{s_i}}{1+\sum_je^{s_j}}-q_0\log\frac1{1+\sum_je^{s_j}},"
    r"\ q_i=\frac{y_i}{y_0+\sum y},\ q_0=\frac{y_0}{y_0+\sum y}",
    range=(0, None),
    domains=GRADES,
    family="ranking",
)
def calibrated_softmax(
    labels: Any, prediction: Any, *, virtual_label: Annotated[float, Above(0)] = 1.0
) -> Any:
    """Calibrated softmax: an item of score 0 in every list, so that scores keep a meaning.

    labels: (batch, items), relevance; a negative one marks an empty place.
    prediction: same shape, the scores; e to a score estimates relevance over virtual_label.
    Returns (batch,), in nats.

    virtual_label: y_0, the relevance of the item that is added.

    Source: Yan et al. 2022, "Scale calibration of deep ranking models".
    """
    relevance, scores, empty = _lists(labels, prediction)
    added = tf.zeros_like(scores[:, :1])
    relevance = tf.concat([added + virtual_label, relevance], axis=-1)
    log_p = _log_shares(tf.concat([added, scores], axis=-1), tf.concat([added > 0, empty], axis=-1))
    share = relevance / tf.reduce_sum(relevance, axis=-1, keepdims=True)
    return -tf.reduce_sum(share * log_p, axis=-1)


@tfloss.loss(
    same_shape=SAME,
    latex=r"\sum_iq_i\bigl(-\log p_i+\epsilon(1-p_i)\bigr),\ q=y/\textstyle\sum y,"
    r"\ p=\mathrm{softmax}(s)",
    range=(0, None),
    domains=GRADES,
    family="ranking",
)
def poly1_softmax(
    labels: Any, prediction: Any, *, epsilon: Annotated[float, Above(0)] = 1.0
) -> Any:
    """Poly-1 softmax: the softmax loss with more weight on its first polynomial term.

    labels: (batch, items), relevance; a negative one marks an empty place.
    prediction: same shape, the scores.
    Returns (batch,), in nats; 0 for a list without a relevant item.

    epsilon: ε, of the term.

    Source: Leng et al. 2022, "PolyLoss: a polynomial expansion perspective of classification loss
    functions".
    """
    relevance, scores, empty = _lists(labels, prediction)
    log_p = _log_shares(scores, empty)
    total = tf.reduce_sum(relevance, axis=-1)
    cost = tf.reduce_sum(relevance * (-log_p - epsilon * tf.math.expm1(log_p)), axis=-1)
    return cost / tf.where(total == 0, tf.ones_like(total), total)
