"""Weights that follow from the losses alone: their size, their course, or chance."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above, AtLeast, Interval
from tfloss_balances.kept import kept

_SMALLEST = 1e-12  # what a loss is at least taken for where it divides


@tfloss.balance(positive=True)
def gls(losses: Any) -> Any:
    """Geometric loss strategy: the gradient of the members' geometric mean.

    losses: (m,), never negative.
    Returns (m,): the weighted members add up to the geometric mean of the losses.

    Source: Chennupati et al. 2019, "MultiNet++: multi-stream feature aggregation and geometric loss
    strategy for multi-task learning".
    """
    losses = tf.maximum(losses, _SMALLEST)
    mean = tf.exp(tf.reduce_mean(tf.math.log(losses)))
    return mean / (losses.shape[0] * losses)


@tfloss.balance(state=kept(sum=0.0, steps=0.0, last=0.0, before=0.0, epochs=0.0), positive=True)
def dwa(
    losses: Any, new_epoch: Any, *, temperature: Annotated[float, Above(0)] = 2.0, state: Any
) -> Any:
    """Dynamic weight average: members that fell least from one epoch to the next weigh most.

    losses: (m,), never negative.  new_epoch: whether the step begins an epoch.
    Returns (m,), adding up to m; 1 each in the first two epochs.

    temperature: the higher, the more alike the weights.

    Source: Liu, Johns and Davison 2019, "End-to-end multi-task learning with attention".
    """
    ends = new_epoch & (state["steps"][0] > 0)
    mean = state["sum"] / tf.maximum(state["steps"], 1.0)
    before = tf.where(ends, state["last"], state["before"])
    last = tf.where(ends, mean, state["last"])
    epochs = state["epochs"] + tf.cast(ends, tf.float32)
    state.update("sum", tf.where(ends, losses, state["sum"] + losses))
    state.update("steps", tf.where(ends, tf.ones_like(losses), state["steps"] + 1.0))
    state.update("last", last)
    state.update("before", before)
    state.update("epochs", epochs)
    rates = tf.where(epochs < 2.0, tf.ones_like(losses), last / tf.maximum(before, _SMALLEST))
    return losses.shape[0] * tf.nn.softmax(rates / temperature)


@tfloss.balance
def random_weights(losses: Any, step: Any, *, seed: Annotated[int, AtLeast(0)] = 0) -> Any:
    """Random loss weighting: weights drawn in every step; the baseline for every other balance.

    losses: (m,).  step: the number of the step, from which the draw follows.
    Returns (m,), a softmax of normal numbers, adding up to 1.

    seed: another series of draws.

    Source: Lin et al. 2022, "Reasonable effectiveness of random weighting".
    """
    key = tf.stack([tf.constant(seed, tf.int32), tf.cast(step, tf.int32)])
    return tf.nn.softmax(tf.random.stateless_normal(losses.shape, key, alg="philox"))


@tfloss.balance(state=kept(count=0.0, mean=0.0, ratios=0.0, squares=0.0), positive=True)
def cov(losses: Any, *, state: Any) -> Any:
    """Coefficients of variation: members that vary most, for their size, weigh most.

    losses: (m,), never negative.
    Returns (m,), adding up to 1; 1/m each in the first two steps.

    Source: Groenendijk et al. 2021, "Multi-loss weighting with coefficient of variations".
    """
    count = state["count"] + 1.0
    before = tf.where(state["count"] > 0, state["mean"], losses)
    ratio = losses / tf.maximum(before, _SMALLEST)
    # Welford's running mean and sum of squared deviations of the ratios.
    change = ratio - state["ratios"]
    ratios = state["ratios"] + change / count
    squares = state["squares"] + change * (ratio - ratios)
    state.update("count", count)
    state.update("mean", state["mean"] + (losses - state["mean"]) / count)
    state.update("ratios", ratios)
    state.update("squares", squares)
    variation = tf.sqrt(tf.maximum(squares / count, 0.0)) / tf.maximum(ratios, _SMALLEST)
    whole = tf.reduce_sum(variation)
    known = (count[0] > 2.0) & (whole > _SMALLEST)
    return tf.where(known, variation / tf.maximum(whole, _SMALLEST), 1.0 / losses.shape[0])


@tfloss.balance(state=kept(last=0.0, steps=0.0))
def softadapt(losses: Any, *, beta: float = 0.1, state: Any) -> Any:
    """SoftAdapt: members whose loss rises, or falls least, from step to step weigh most.

    losses: (m,).
    Returns (m,), adding up to 1; 1/m each in the first step.

    beta: above 0 favours the members that do worst, below 0 those that do best.

    Source: Heydari, Thompson and Mehmood 2019, "SoftAdapt: techniques for adaptive loss weighting
    of neural networks with multi-part loss functions".
    """
    rate = tf.where(state["steps"] > 0, losses - state["last"], tf.zeros_like(losses))
    state.update("last", losses)
    state.update("steps", state["steps"] + 1.0)
    return tf.nn.softmax(beta * rate)


@tfloss.balance(state=kept(first=0.0, last=0.0, weights=1.0, steps=0.0), positive=True)
def relobralo(
    losses: Any,
    step: Any,
    *,
    tau: Annotated[float, Above(0)] = 1.0,
    alpha: Annotated[float, Interval(0, 1)] = 0.999,
    rho: Annotated[float, Interval(0, 1)] = 0.999,
    seed: Annotated[int, AtLeast(0)] = 0,
    state: Any,
) -> Any:
    """Relative loss balancing with random lookback, for physics-informed networks.

    losses: (m,), never negative.  step: the number of the step, from which the draw follows.
    Returns (m,); 1 each in the first step.

    tau: the higher, the more alike the weights.  alpha: how much of the past weights stays.
    rho: how often those are the last step's, and not those by the losses of the first step.
    seed: another series of draws.

    Source: Bischof and Kraus 2021, "Multi-objective loss balancing for physics-informed deep
    learning".
    """

    def compared(past: Any) -> Any:
        return losses.shape[0] * tf.nn.softmax(losses / (tau * tf.maximum(past, _SMALLEST)))

    begins = state["steps"] < 1.0
    key = tf.stack([tf.constant(seed, tf.int32), tf.cast(step, tf.int32)])
    drawn = tf.random.stateless_uniform((), key, alg="philox")
    stays = tf.cast(drawn < rho, tf.float32)
    past = stays * state["weights"] + (1.0 - stays) * compared(state["first"])
    weights = alpha * past + (1.0 - alpha) * compared(state["last"])
    weights = tf.where(begins, tf.ones_like(losses), weights)
    state.update("first", tf.where(begins, losses, state["first"]))
    state.update("last", losses)
    state.update("weights", weights)
    state.update("steps", state["steps"] + 1.0)
    return weights


@tfloss.hookimpl
def tfloss_balances() -> list[Any]:
    """Register this module's balances."""
    return [gls, dwa, random_weights, cov, softadapt, relobralo]
