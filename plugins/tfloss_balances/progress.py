"""Weights by which all members' losses fall at one rate, without a gradient of each."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast
from tfloss_balances.kept import kept

_SMALLEST = 1e-8  # added to a loss before its logarithm is taken, as in the authors' code
_FIRST, _SECOND = 0.9, 0.999  # how much of its moments Adam keeps


@tfloss.balance(
    state=kept(logits=0.0, momentum=0.0, squares=0.0, last=0.0, steps=0.0), positive=True
)
def famo(
    losses: Any,
    *,
    rate: Annotated[float, Above(0)] = 0.025,
    gamma: Annotated[float, AtLeast(0)] = 0.01,
    state: Any,
) -> Any:
    """Fast adaptive multitask optimization: the logarithms of the losses fall at one rate.

    A member whose logarithm fell more than the others' from one step to the next weighs less from
    then on. The paper compares a batch's losses before and after the step on it; here the losses of
    the next step's batch stand for those after the step, so that a step costs no second forward
    pass. Where a batch is all of the data the two are the same; elsewhere the change has the noise
    of two batches, which cancels over the steps: the changes add up to the fall since the first.

    losses: (m,), never negative.
    Returns (m,), above 0, adding up to 1: softmax(logits)/loss, divided by its sum; in the first
    step in inverse proportion to the losses.

    rate: of Adam, which changes the logits.  gamma: how strongly the logits are drawn to 0.

    Source: Liu, Feng, Stone and Liu 2023, "FAMO: fast adaptive multitask optimization",
    algorithm 1 (arxiv.org/abs/2306.03792); Adam and both settings as in the authors' code.
    """
    losses = losses + _SMALLEST
    now, seen = tf.math.log(losses), state["steps"]
    fell = tf.where(seen > 0, state["last"] - now, tf.zeros_like(now))
    logits = _moved(fell, rate, gamma, state)
    state.update("last", now)
    state.update("steps", seen + 1.0)
    weights = tf.nn.softmax(logits) / losses
    return weights / tf.reduce_sum(weights)


def _moved(fell: Any, rate: float, gamma: float, state: Any) -> Any:
    """The logits after a step of Adam against how far each member fell; see Kingma and Ba 2015."""
    logits, seen = state["logits"], state["steps"]
    shares = tf.nn.softmax(logits)
    slope = shares * (fell - tf.reduce_sum(shares * fell)) + gamma * logits
    momentum = _FIRST * state["momentum"] + (1.0 - _FIRST) * slope
    squares = _SECOND * state["squares"] + (1.0 - _SECOND) * slope**2
    steps = tf.maximum(seen, 1.0)  # the first step has nothing to compare, and moves nothing
    mean = momentum / (1.0 - _FIRST**steps)
    deviation = tf.sqrt(squares / (1.0 - _SECOND**steps))
    logits -= rate * mean / (deviation + 1e-8)
    state.update("logits", logits)
    state.update("momentum", momentum)
    state.update("squares", squares)
    return logits


@tfloss.hookimpl
def tfloss_balances() -> list[Any]:
    """Register this module's balances."""
    return [famo]
