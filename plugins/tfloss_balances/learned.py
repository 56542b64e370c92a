"""Weights that the optimizer learns along with the student."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tfloss
from tfloss import LossVariable, tf


def _one_each(members: int, settings: Mapping[str, Any]) -> dict[str, LossVariable]:
    return {"s": LossVariable((members,), 0.0)}


@tfloss.balance(state=_one_each, positive=True, adds=True)
def uncertainty(losses: Any, *, state: Any) -> tuple[Any, Any]:
    """Uncertainty weighting: each member's noise is learned, and a noisy member counts less.

    The total is the sum of exp(-s)/2 * loss + s/2 with the log-variance s of each member, at first
    0; at its optimum s is the logarithm of the loss. The sum of s/2 is logged as `uncertainty`.

    losses: (m,), never negative.
    Returns the weights (m,) and a scalar.

    Source: Kendall, Gal and Cipolla 2018, "Multi-task learning using uncertainty to weigh losses
    for scene geometry and semantics", in the form for regression for every member.
    """
    return tf.exp(-state["s"]) / 2, tf.reduce_sum(state["s"]) / 2


@tfloss.balance(state=_one_each, positive=True, adds=True)
def imtl_l(losses: Any, *, state: Any) -> tuple[Any, Any]:
    """Impartial loss balance (IMTL-L): scales learned so that all members become one alike.

    The total is the sum of exp(s) * loss - s; at its optimum each exp(s) * loss is 1. The sum of
    -s is logged as `imtl_l`.

    losses: (m,), never negative.
    Returns the weights (m,) and a scalar.

    Source: Liu et al. 2021, "Towards impartial multi-task learning", the balance of losses.
    """
    return tf.exp(state["s"]), -tf.reduce_sum(state["s"])


@tfloss.hookimpl
def tfloss_balances() -> list[Any]:
    """Register this module's balances."""
    return [uncertainty, imtl_l]
