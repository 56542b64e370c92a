"""Members bargain: each wants the direction to help it, by as much as it counts for the others."""

from __future__ import annotations

from typing import Annotated, Any

import tfloss
from tfloss import tf
from tfloss.constraints import Above
from tfloss_balances.gramian import SMALLEST, scaled

_SWEEPS = 60
_NEWTON = 20


@tfloss.balance
def nash(gramian: Any, *, max_norm: Annotated[float, Above(0)] = 1.0) -> Any:
    """Nash-MTL: the bargain in which no member gains more, in its share, than the others lose.

    gramian: (m, m), inner products of the members' gradients.
    Returns (m,), above 0: the solution of G a = 1/a, shortened to a direction of `max_norm`.

    max_norm: the longest direction, as in the authors' code.

    Source: Navon et al. 2022, "Multi-task learning as a bargaining game", claim 3.1.
    """
    weights = _bargain(gramian, 1.0)
    square = tf.reduce_sum(weights * tf.linalg.matvec(gramian, weights))
    return weights * tf.minimum(1.0, max_norm * tf.math.rsqrt(tf.maximum(square, SMALLEST)))


@tfloss.balance
def fairgrad(gramian: Any, *, alpha: Annotated[float, Above(0)] = 1.0) -> Any:
    """FairGrad: alpha-fair shares of the descent, as in networks that share bandwidth.

    gramian: (m, m), inner products of the members' gradients.
    Returns (m,), above 0: the solution of (G w)**alpha = 1/w.

    alpha: 1 is proportional fairness; the larger, the nearer to the worst-off member's best.

    Source: Ban and Ji 2024, "Fair resource allocation in multi-task learning".
    """
    return _bargain(gramian, alpha)


def _bargain(gramian: Any, alpha: float) -> Any:
    """w > 0 with (G w)_i = w_i**(-1/alpha): coordinate by coordinate, each by Newton's method.

    It is the least of a convex function, w G w/2 minus what grows with each w_i, so the order
    does not matter. Newton's steps are taken in the logarithm of w, where they cannot leave w > 0.
    """
    members = gramian.shape[0]
    gramian, scale = scaled(gramian)
    power = 1.0 / alpha

    def sweep(number: Any, w: Any) -> tuple[Any, Any]:
        for i in range(members):
            rest = tf.reduce_sum(gramian[i] * w) - gramian[i, i] * w[i]
            new = _root(gramian[i, i], rest, power, w[i])
            w += (new - w[i]) * tf.one_hot(i, members)
        return number + 1, w

    start = tf.ones([members])
    found = tf.while_loop(lambda number, _: number < _SWEEPS, sweep, (0, start))[1]
    return found * scale ** (-1.0 / (1.0 + power))


def _root(length: Any, rest: Any, power: float, start: Any) -> Any:
    """w with length*w + rest = w**-power."""
    if power == 1.0:
        both = tf.sqrt(rest * rest + 4.0 * length)
        # The form that does not subtract two nearly equal numbers.
        up = (both - rest) / tf.maximum(2.0 * length, SMALLEST)
        return tf.where(rest > 0, 2.0 / tf.maximum(both + rest, SMALLEST), up)
    log = tf.math.log(start)
    for _ in range(_NEWTON):
        w = tf.exp(log)
        wanted = tf.exp(-power * log)
        value = length * w + rest - wanted
        slope = length * w + power * wanted
        log -= tf.clip_by_value(value / tf.maximum(slope, SMALLEST), -1.0, 1.0)
    return tf.exp(log)


@tfloss.hookimpl
def tfloss_balances() -> list[Any]:
    """Register this module's balances."""
    return [nash, fairgrad]
