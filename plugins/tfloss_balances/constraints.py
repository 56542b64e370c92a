"""Constraints: what is to stay within a bound gets a weight that grows until it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import tfloss
from tfloss import LossVariable, tf
from tfloss.constraints import Above, AtLeast, Interval

_KINDS = ("below", "above", "equal")


def _bounds(settings: Mapping[str, Any]) -> tuple[float | None, float | None]:
    given = {name: settings[name] for name in _KINDS if settings[name] is not None}
    if len(given) != 1:
        raise ValueError(
            "'constrain' takes one of below=, above= and equal=; for a range write two constraints."
        )
    if settings["smoothing"] and not settings["proportional"]:
        raise ValueError(
            "smoothing= of 'constrain' smooths what proportional= multiplies, and that is 0."
        )
    equal = given.get("equal")
    return given.get("above", equal), given.get("below", equal)


def _held(members: int, settings: Mapping[str, Any]) -> dict[str, LossVariable]:
    names = ["multiplier"]
    if settings["proportional"]:
        names += ["smoothed", "steps"]
    return {name: LossVariable((members,), 0.0, trainable=False) for name in names}


@tfloss.balance(bounds=_bounds, state=_held, adds=True, logs=("multiplier", "violation"))
def constrain(
    losses: Any,
    *,
    below: Annotated[float | None, Interval()] = None,
    above: Annotated[float | None, Interval()] = None,
    equal: Annotated[float | None, Interval()] = None,
    penalty: Annotated[float, AtLeast(0)] = 0.0,
    rate: Annotated[float, Above(0)] = 0.01,
    proportional: Annotated[float, AtLeast(0)] = 0.0,
    smoothing: Annotated[float, Interval(-1, 1, closed="neither")] = 0.0,
    state: Any,
) -> tuple[Any, Any, dict[str, Any]]:
    """A constraint: the rest of the formula is minimised where a term is `below` a value.

    Of a violation v, the loss minus `below`, the Lagrangian multiplier*v is added, whose multiplier
    rises by rate*v in every step and falls to 0 at least; with a `penalty` the augmented
    Lagrangian. The violation is that of the batch. Logged are `multiplier(TERM)` and
    `violation(TERM)`, above 0 where the bound does not hold.

    losses: (1,), what is constrained.
    Returns its weight (1,), what makes the weighted loss the Lagrangian, a scalar, and what is
    logged.

    below, above, equal: the bound, one of them.
    penalty: of the augmented Lagrangian; rate=penalty is the method of multipliers, for steps that
    come near to a minimum each. 0: none.
    rate: of the multiplier's ascent, and the integral gain of νPI.
    proportional: the proportional gain of νPI, which damps a multiplier that swings; 0: plain
    ascent.  smoothing: ν, how much of the past the proportional part keeps.

    Source: Platt and Barr 1987, "Constrained differential optimization"; for inequalities
    Rockafellar 1974, "Augmented Lagrange multiplier functions and duality in nonconvex
    programming"; νPI: Sohrabi et al. 2024, "On PI controllers for updating Lagrange multipliers in
    constrained optimization", whose first step is that of plain ascent, as in Cooper.
    """
    sign = -1.0 if above is not None else 1.0
    bound = next(value for value in (below, above, equal) if value is not None)
    multiplier, violation = state["multiplier"], sign * (losses - bound)
    force = multiplier + penalty * violation
    value = violation * (multiplier + 0.5 * penalty * violation)
    if equal is None and penalty:
        # Far inside of the bound neither pulls: the value is constant there.
        value = tf.where(force > 0, value, -0.5 * multiplier**2 / penalty)
        force = tf.maximum(force, 0.0)
    moved = multiplier + rate * violation
    if proportional:
        first = state["steps"] < 1
        past = tf.where(first, violation, state["smoothed"])
        smoothed = smoothing * past + (1.0 - smoothing) * violation
        moved += proportional * (smoothed - past)
        state.update("smoothed", smoothed)
        state.update("steps", state["steps"] + 1.0)
    state.update("multiplier", moved if equal is not None else tf.maximum(moved, 0.0))
    weights = sign * force
    added = tf.reduce_sum(value - weights * losses)
    return weights, added, {"multiplier": multiplier, "violation": violation}


@tfloss.hookimpl
def tfloss_balances() -> list[Any]:
    """Register this module's balances."""
    return [constrain]
