"""Classes in an order, of which a near miss is better than a far one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tfloss
from tfloss import tf
from tfloss.ops import columns, same_shape, several_columns


@tfloss.loss(
    latex=r"-\sum_{k<K}[y>k]\log\sigma(z_k)+[y\le k]\log(1-\sigma(z_k))",
    range=(0, None),
    zero_at_optimum=True,
    domains={"labels": "classes*any"},
    family="classification",
)
def coral_ordinal(labels: Any, logits: Any) -> Any:
    """Ordinal regression by yes/no questions: is the class above the first, the second, and so on.

    labels: one-hot (batch, K), the classes in their order.
    logits: (batch, K - 1), one for each question; for answers that cannot contradict each other
    they are one score plus a bias each.
    Returns (batch,), in nats: the sum over the questions.

    Source: Cao, Mirjalili and Raschka 2020, "Rank consistent ordinal regression" (CORAL), eq. 4,
    all questions alike; the questions: Niu et al. 2016.
    """
    several_columns("coral_ordinal", "give a column per class", labels=labels)
    # The first class answers no question; it is added for a NaN that it may hold.
    above = tf.cumsum(labels, axis=-1, reverse=True)[:, 1:] + 0 * labels[:, :1]
    if columns(above) != columns(logits):
        raise ValueError(
            f"'labels' has {columns(labels)} columns and 'logits' {columns(logits)}; it needs one "
            f"less than there are classes. The shapes must be (batch, K) and (batch, K - 1)."
        )
    same_shape(labels=above, logits=logits)
    cost = tf.nn.sigmoid_cross_entropy_with_logits(labels=above, logits=logits)
    return tf.reduce_sum(cost, axis=-1)


def _thresholds(shapes: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    del settings
    return {"thresholds": tfloss.LossVariable((max(shapes["labels"][-1], 2) - 1,), "zeros")}


@tfloss.loss(
    latex=r"-\log\bigl(\sigma(\theta_y-s)-\sigma(\theta_{y-1}-s)\bigr),"
    r"\ \theta_0=-\infty,\ \theta_K=\infty",
    range=(0, None),
    zero_at_optimum=True,
    domains={"labels": "classes*any"},
    state=_thresholds,
    family="classification",
    example="cumulative_link(score=hidden2)",
)
def cumulative_link(labels: Any, score: Any, *, state: Any) -> Any:
    """Cumulative logit: one score, cut by thresholds into classes (proportional odds).

    labels: one-hot (batch, K), the classes in their order.
    score: (batch, 1), a layer of one unit.
    Returns (batch,), in nats.

    Held: thresholds, (K - 1,), trained with the student: the first threshold, then by what each
    exceeds the one before, before the softplus that makes it positive.

    Source: McCullagh 1980, "Regression models for ordinal data", section 2.
    """
    several_columns("cumulative_link", "give a column per class", labels=labels)
    if columns(score) != 1:
        raise ValueError(f"'score' has {columns(score)} columns, but its shape is (batch, 1).")
    same_shape(labels=labels[:, :1], score=score)
    held = state["thresholds"]
    same_shape(labels=tf.reduce_sum(labels, axis=0)[1:], thresholds=held)
    # Two thresholds that coincide would leave their class no probability at all.
    steps = tf.concat([held[:1], tf.nn.softplus(held[1:]) + 1e-6], axis=0)
    return -tf.reduce_sum(labels * _log_between(tf.cumsum(steps), steps[1:], score), axis=-1)


def _log_between(thresholds: Any, gaps: Any, score: Any) -> Any:
    """Log-probabilities of the classes, (batch, K).

    σ(b) - σ(a) is σ(b)·σ(-a)·(1 - e^(a-b)), of which every factor keeps its digits.
    """
    below = tf.math.log_sigmoid(thresholds[None, :] - score)
    above = tf.math.log_sigmoid(score - thresholds[None, :])
    within = tf.math.log(-tf.math.expm1(-gaps))
    inner = below[:, 1:] + above[:, :-1] + within[None, :]
    return tf.concat([below[:, :1], inner, above[:, -1:]], axis=-1)


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [coral_ordinal, cumulative_link]
