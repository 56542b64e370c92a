"""Coefficients that change with the step.

Each takes `step`, a float32 scalar counted from 0, and `steps`, a number: the step at which the
change is complete. From there on the last value holds.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above


@tfloss.schedule
def linear(step: Any, start: float, stop: float, *, steps: Annotated[float, Above(0)]) -> Any:
    """From `start` to `stop` along a straight line: linear(0, 1, epochs=10)."""
    return start + (stop - start) * _progress(step, steps)


@tfloss.schedule
def cosine(step: Any, start: float, stop: float, *, steps: Annotated[float, Above(0)]) -> Any:
    """From `start` to `stop` along half a cosine wave, slow at both ends.

    Source: Loshchilov and Hutter 2017, "SGDR", eq. 5, without restarts.
    """
    return stop + (start - stop) * (1 + tf.cos(math.pi * _progress(step, steps))) / 2


@tfloss.schedule
def exponential(
    step: Any,
    start: Annotated[float, Above(0)],
    stop: Annotated[float, Above(0)],
    *,
    steps: Annotated[float, Above(0)],
) -> Any:
    """From `start` to `stop` by the same factor in each step; both positive."""
    return start * tf.exp(math.log(stop / start) * _progress(step, steps))


@tfloss.schedule
def warmup(step: Any, value: float, *, steps: Annotated[float, Above(0)]) -> Any:
    """From 0 up to `value` along a straight line, for a term that would disturb the first steps."""
    return value * _progress(step, steps)


@tfloss.schedule
def piecewise(step: Any, before: float, after: float, *, steps: Annotated[float, Above(0)]) -> Any:
    """`before` up to the step numbered `steps`, `after` from that step on."""
    jumped = _progress(step, steps) >= 1
    return tf.where(jumped, tf.ones_like(step) * after, tf.ones_like(step) * before)


def _progress(step: Any, steps: float) -> Any:
    """How much of the change is done: 0 at step 0, 1 from `steps` on."""
    return tf.minimum(step / steps, 1.0)


@tfloss.hookimpl
def tfloss_schedules() -> list[Any]:
    """Register this module's schedules."""
    return [linear, cosine, exponential, warmup, piecewise]
