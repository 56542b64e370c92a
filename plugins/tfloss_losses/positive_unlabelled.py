"""Labels of which only some positives are known: positive-unlabelled learning."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Interval
from tfloss.ops import weighted_mean, weighted_rows

_SAME = ("labels", "logits")
_YES = {"labels": "yes_no"}


def _risks(labels: Any, logits: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
    """Mean costs of known positives as positive and as negative, of the unlabelled as negative."""
    (labels, logits), weight = weighted_rows(sample_weight, labels=labels, logits=logits)
    weight = weight[:, None] + tf.zeros_like(logits)
    known, rest = weight * labels, weight * (1 - labels)
    yes, no = tf.sigmoid(-logits), tf.sigmoid(logits)
    return weighted_mean(yes, known), weighted_mean(no, known), weighted_mean(no, rest)


@tfloss.loss(
    per="batch",
    same_shape=_SAME,
    latex=r"\pi\hat R_p^++\max\bigl(0,\hat R_u^--\pi\hat R_p^-\bigr)",
    range=(0, None),
    domains=_YES,
    kinks=("the negative risk is zero",),
    family="multi_label",
    example="nn_pu(prior=0.3)",
)
def nn_pu(
    labels: Any,
    logits: Any,
    sample_weight: Any = None,
    *,
    prior: Annotated[float, Interval(0, 1, "neither")] = 0.5,
) -> Any:
    """Non-negative positive-unlabelled risk: some positives are known, of the rest nothing.

    labels: (batch, C), 1 for a known positive, 0 for unlabelled.  logits: same shape.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar, with the sigmoid loss 1 - σ(±z).

    prior: π, the share of positives among the unlabelled.

    Source: Kiryo et al. 2017, "Positive-unlabeled learning with non-negative risk estimator", eq.
    6.
    """
    positive, as_negative, unlabelled = _risks(labels, logits, sample_weight)
    return prior * positive + tf.nn.relu(unlabelled - prior * as_negative)


@tfloss.loss(
    per="batch",
    same_shape=_SAME,
    latex=r"\pi\hat R_p^++\hat R_u^--\pi\hat R_p^-",
    domains=_YES,
    family="multi_label",
    example="u_pu(prior=0.3)",
)
def u_pu(
    labels: Any,
    logits: Any,
    sample_weight: Any = None,
    *,
    prior: Annotated[float, Interval(0, 1, "neither")] = 0.5,
) -> Any:
    """Unbiased positive-unlabelled risk: right on average, but large networks drive it below zero.

    labels: (batch, C), 1 for a known positive, 0 for unlabelled.  logits: same shape.
    sample_weight: (batch,), or None for all ones.
    Returns a scalar, with the sigmoid loss 1 - σ(±z).

    prior: π, the share of positives among the unlabelled.

    Source: du Plessis, Niu and Sugiyama 2014, "Analysis of learning from positive and unlabeled
    data".
    """
    positive, as_negative, unlabelled = _risks(labels, logits, sample_weight)
    return prior * positive + unlabelled - prior * as_negative


@tfloss.hookimpl
def tfloss_losses() -> list[Any]:
    """Register this module's losses."""
    return [nn_pu, u_pu]
