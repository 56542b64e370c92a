"""Weights that bring the members' gradients to comparable lengths."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, Interval
from tfloss_balances.kept import kept

_SMALLEST = 1e-12


@tfloss.balance(state=kept(weights=1.0, first=0.0, steps=0.0), positive=True)
def gradnorm(
    losses: Any,
    gramian: Any,
    *,
    alpha: Annotated[float, AtLeast(0)] = 1.5,
    rate: Annotated[float, Above(0)] = 0.025,
    state: Any,
) -> Any:
    """GradNorm: the members' gradients learn one length, longer for members that fall behind.

    losses: (m,), never negative.  gramian: (m, m), inner products of the members' gradients, by
    convention of the last shared layer: by=hidden2.
    Returns (m,), adding up to m; 1 each in the first step.

    alpha: how much faster a member trains that is behind; 0: all gradients of one length.
    rate: of the weights' own gradient descent.

    Source: Chen et al. 2018, "GradNorm: gradient normalization for adaptive loss balancing in deep
    multitask networks", algorithm 1.
    """
    weights = state["weights"]
    first = tf.where(state["steps"] > 0, state["first"], losses)
    lengths = tf.sqrt(tf.maximum(tf.linalg.diag_part(gramian), 0.0))
    fallen = losses / tf.maximum(first, _SMALLEST)
    behind = fallen / tf.maximum(tf.reduce_mean(fallen), _SMALLEST)
    target = tf.reduce_mean(weights * lengths) * behind**alpha
    slope = tf.sign(weights * lengths - target) * lengths
    moved = tf.maximum(weights - rate * slope, _SMALLEST)
    state.update("weights", moved * losses.shape[0] / tf.reduce_sum(moved))
    state.update("first", first)
    state.update("steps", state["steps"] + 1.0)
    return weights


@tfloss.balance(state=kept(weights=1.0))
def annealed(
    largest: Any, mean_size: Any, *, alpha: Annotated[float, Interval(0, 1)] = 0.1, state: Any
) -> Any:
    """Learning-rate annealing: gradients come to the size of the first member's, whose weight is 1.

    largest, mean_size: (m,), the largest and the mean absolute entry of each member's gradient.
    Returns (m,): 1 for the first member, in a physics-informed network the equation; for any other
    a running mean of the first member's largest entry over its own mean entry, from 1 on.

    alpha: how fast the running mean follows; the authors' code keeps 0.9 of the past.

    Source: Wang, Teng and Perdikaris 2021, "Understanding and mitigating gradient flow pathologies
    in physics-informed neural networks", algorithm 1.
    """
    wanted = largest[0] / tf.maximum(mean_size, _SMALLEST)
    moved = (1.0 - alpha) * state["weights"] + alpha * wanted
    weights = tf.concat([tf.ones_like(moved[:1]), moved[1:]], 0)
    state.update("weights", weights)
    return weights


@tfloss.hookimpl
def tfloss_balances() -> list[Any]:
    """Register this module's balances."""
    return [gradnorm, annealed]
