"""Between which values the functions of one value lie, from the bounds of their arguments."""

from __future__ import annotations

import math

Bounds = tuple[float, float]

_LARGEST_EXPONENT = 88.7  # of what float32 holds


def of_square(x: Bounds) -> Bounds:
    """Of x²."""
    ends = x[0] * x[0], x[1] * x[1]
    return (0.0 if x[0] <= 0 <= x[1] else min(ends)), max(ends)


def of_absolute(x: Bounds) -> Bounds:
    """Of |x|."""
    low, high = of_square(x)
    return math.sqrt(low), math.sqrt(high)


def of_exp(x: Bounds) -> Bounds:
    """Of the exponential function."""
    low, high = (math.inf if end > _LARGEST_EXPONENT else math.exp(end) for end in x)
    return low, high


def of_log(x: Bounds, smallest: float) -> Bounds:
    """Of the logarithm of what is above `smallest`."""
    return math.log(max(x[0], smallest)), math.log(max(x[1], smallest))


def of_sqrt(x: Bounds) -> Bounds:
    """Of the square root, 0 below 0."""
    return math.sqrt(max(x[0], 0.0)), math.sqrt(max(x[1], 0.0))


def of_minimum(x: Bounds, y: Bounds) -> Bounds:
    """Of the smaller of two."""
    return min(x[0], y[0]), min(x[1], y[1])


def of_maximum(x: Bounds, y: Bounds) -> Bounds:
    """Of the larger of two."""
    return max(x[0], y[0]), max(x[1], y[1])


def of_clip(x: Bounds, low: Bounds, high: Bounds) -> Bounds:
    """Of what is kept between two ends."""
    return of_minimum(of_maximum(x, low), high)


def of_sign(x: Bounds) -> Bounds:
    """Of what keeps the sign of its argument and not its size."""
    return 0.0 if x[0] >= 0 else -math.inf, 0.0 if x[1] <= 0 else math.inf
