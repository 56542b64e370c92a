"""What can be said of a term's coefficient before anything is computed."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

from tfloss.formula import error_at
from tfloss.objective.plan import Arithmetic, Constant, ScheduleUse, Term, Use

# What float32, in which everything is computed, can hold; smaller numbers count as 0.
LARGEST, SMALLEST = 3.4028234e38, 1.1754944e-38

Bounds = tuple[float, float]

_OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "**": lambda left, right: float(left**right),
}


def constant_value(use: Use) -> float | None:
    """The value of an expression of constants; None when it holds anything else."""
    if isinstance(use, Constant):
        return use.value
    if not isinstance(use, Arithmetic):
        return None
    values = [constant_value(operand) for operand in use.operands]
    total = values[0]
    for operator, value in zip(use.operators, values[1:], strict=True):
        if total is None or value is None:
            return None
        total = _calculate(total, operator, value)
    return total


def out_of_range(value: float) -> str:
    """What is wrong with a number that float32 cannot hold, for a sentence; '' where it can."""
    if not math.isfinite(value):
        return "is not a finite number"
    if value == 0 or SMALLEST <= abs(value) <= LARGEST:
        return ""
    too = "large" if abs(value) > 1 else "small"
    return f"is too {too} for float32, which holds 1.2e-38 to 3.4e38"


def refuse_bad_number(coefficient: Use, text: str) -> None:
    """Refuse a coefficient that is not finite, or would be infinite or 0 in float32.

    Raises:
        FormulaError: at the first part that is so.
    """
    for part in coefficient.walk():
        value = constant_value(part)
        wrong = "" if value is None else out_of_range(value)
        if wrong:
            raise error_at(part.node, text, f"The coefficient '{part.text}' {wrong}.")


def refuse_negative(term: Term, text: str) -> None:
    """Refuse a coefficient that is below zero, or gets there while its schedules run.

    Raises:
        FormulaError: with the remedy.
    """
    bounds = bounds_of(term.coefficient)
    if bounds is not None and bounds[0] < 0:
        is_negative = "is" if bounds[0] == bounds[1] else "can become"
        raise error_at(
            term.coefficient.node,
            text,
            f"The coefficient of '{term.name}' {is_negative} negative, so training would maximise "
            f"it; if you mean that, say --allow-negative (allow_negative=True in Python).",
        )


def bounds_of(use: Use) -> Bounds | None:
    """Between which values a coefficient lies; None where that is not known.

    A schedule goes from one of its numbers to another; one that has a single number starts at 0.
    """
    if isinstance(use, Constant):
        return use.value, use.value
    if isinstance(use, ScheduleUse):
        numbers = use.numbers if len(use.numbers) > 1 else (0.0, *use.numbers)
        return min(numbers), max(numbers)
    if not isinstance(use, Arithmetic):
        return None
    total = bounds_of(use.operands[0])
    for operator, operand in zip(use.operators, use.operands[1:], strict=True):
        total = _combined(total, operator, bounds_of(operand))
    return total


def _combined(left: Bounds | None, operator: str, right: Bounds | None) -> Bounds | None:
    if left is None or right is None:
        return None
    if operator == "/" and right[0] <= 0 <= right[1]:
        return None  # it may become infinite, of either sign
    corners = [_calculate(one, operator, other) for one, other in product(left, right)]
    return None if any(map(math.isnan, corners)) else (min(corners), max(corners))


def _calculate(left: float, operator: str, right: float) -> float:
    try:
        return _OPERATIONS[operator](left, right)
    except (ZeroDivisionError, OverflowError, TypeError, ValueError):
        return math.nan  # refused with a sentence by the caller
