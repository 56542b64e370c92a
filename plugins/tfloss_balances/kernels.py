"""Weights by the neural tangent kernels of the members, as networks for equations need them."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Interval
from tfloss_balances.kept import kept

_FIRST = 10  # estimates of each member before any is weighed by them


@tfloss.balance(state=kept(traces=0.0, seen=0.0), positive=True)
def ntk(traces: Any, *, alpha: Annotated[float, Interval(0, 1)] = 0.01, state: Any) -> Any:
    """Neural tangent kernel weights: members converge at one rate, as their kernels tell.

    A member's residuals are the roots of its rows' losses, of mse and residual the differences
    themselves; a loss of several columns is refused. The trace of their kernel is estimated in
    every step from one more backward pass for each member (Hutchinson's estimator, unbiased: random
    signs for the rows), and the weights follow a running mean of these. The paper computes the
    whole kernel every hundred steps, a backward pass for each row.

    One draw has a standard deviation of up to 1.4 times the trace (where the kernel has one
    direction), and may be near 0 (where rows are equal and their signs cancel); the running mean at
    alpha=0.01 has one of a tenth of the trace. So the weights are 1 until every member has had ten
    draws.

    traces: (m,), an estimate for each member in this step; NaN for one without rows.
    Returns (m,), 1 or more: the sum of all members' traces over each one's own; 1 for a member that
    has not had a row yet.

    alpha: how fast the running means follow; until 1/alpha steps they are plain means.

    Source: Wang, Yu and Perdikaris 2022, "When and why PINNs fail to train: a neural tangent kernel
    perspective", algorithm 1 (arxiv.org/abs/2007.14527), with members that are means over rows in
    place of sums, so that the number of rows does not count.
    """
    there = ~tf.math.is_nan(traces)
    seen = state["seen"] + tf.cast(there, tf.float32)
    share = tf.maximum(alpha, 1.0 / tf.maximum(seen, 1.0))
    means = tf.where(there, (1.0 - share) * state["traces"] + share * traces, state["traces"])
    state.update("traces", means)
    state.update("seen", seen)
    known = (means > 0) & tf.reduce_all((seen == 0) | (seen >= _FIRST))
    return tf.where(known, tf.reduce_sum(means) / tf.where(known, means, 1.0), 1.0)


@tfloss.hookimpl
def tfloss_balances() -> list[Any]:
    """Register this module's balances."""
    return [ntk]
