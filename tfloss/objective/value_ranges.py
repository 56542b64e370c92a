"""Between which values a term lies, as far as the declarations of its losses and functions tell."""

from __future__ import annotations

import math
from functools import reduce
from itertools import product

from tfloss.objective.coefficients import Bounds, bounds_of, constant_value
from tfloss.objective.plan import (
    Arithmetic,
    Constant,
    FunctionUse,
    LossUse,
    ReductionUse,
    ScheduleUse,
    TensorUse,
    Term,
    Use,
)

ANY: Bounds = (-math.inf, math.inf)
NOT_NEGATIVE: Bounds = (0.0, math.inf)


def range_of_term(term: Term, columns: Bounds = ANY) -> Bounds:
    """The lowest and the highest value of a term with its coefficient; infinite where unknown.

    Args:
        term: as planned.
        columns: what is taken for granted of tensors that stand between losses, such as weights.
    """
    body = _of_use(term.body, columns)
    if is_per_example(term.body):
        body = _of_reduced(body)
    return _times(bounds_of(term.coefficient) or ANY, body)


def _of_use(use: Use, columns: Bounds) -> Bounds:
    if isinstance(use, Constant):
        return use.value, use.value
    if isinstance(use, ScheduleUse):
        return bounds_of(use) or ANY
    if isinstance(use, LossUse):
        low, high = use.loss.range
        return -math.inf if low is None else low, math.inf if high is None else high
    if isinstance(use, TensorUse):
        return columns
    if isinstance(use, ReductionUse):
        return _of_reduced(_of_use(use.operand, columns))
    if isinstance(use, FunctionUse):
        bounds = use.function.bounds
        return (
            ANY if bounds is None else bounds(*(_of_use(part, columns) for part in use.arguments))
        )
    if isinstance(use, Arithmetic):
        return _of_arithmetic(use, columns)
    return ANY


def _of_arithmetic(use: Arithmetic, columns: Bounds) -> Bounds:
    if use.operators == ("**",):
        return _power(_of_use(use.operands[0], columns), constant_value(use.operands[1]))
    operands = [_of_use(operand, columns) for operand in use.operands]
    pairs = zip(use.operators, operands[1:], strict=True)
    return reduce(lambda total, pair: _operation(total, *pair), pairs, operands[0])


def _operation(left: Bounds, operator: str, right: Bounds) -> Bounds:
    if operator == "+":
        return left[0] + right[0], left[1] + right[1]
    if operator == "-":
        return left[0] - right[1], left[1] - right[0]
    if operator == "*":
        return _times(left, right)
    return _times(left, _inverse(right)) if operator == "/" else ANY


def _times(left: Bounds, right: Bounds) -> Bounds:
    # 0 times a number without a bound is 0.
    corners = [0.0 if 0 in pair else pair[0] * pair[1] for pair in product(left, right)]
    return min(corners), max(corners)


def _inverse(of: Bounds) -> Bounds:
    low, high = of
    if low < 0 < high:
        return ANY
    if low >= 0:
        return 1 / high if high else math.inf, 1 / low if low else math.inf
    return 1 / high if high else -math.inf, 1 / low


def _power(base: Bounds, exponent: float | None) -> Bounds:
    if exponent is not None and exponent > 0 and exponent % 2 == 0:
        return NOT_NEGATIVE
    return NOT_NEGATIVE if base[0] >= 0 else ANY


def is_per_example(use: Use) -> bool:
    """Whether the value of each example is reduced, so that sample weights come in."""
    if isinstance(use, ReductionUse):
        return False
    if isinstance(use, LossUse):
        return use.loss.per == "example"
    return isinstance(use, TensorUse) or any(map(is_per_example, use.children()))


def _of_reduced(of: Bounds) -> Bounds:
    """What is left once sample weights of any size, 0 among them, have been multiplied with it."""
    return 0.0 if of[0] >= 0 else -math.inf, 0.0 if of[1] <= 0 else math.inf
