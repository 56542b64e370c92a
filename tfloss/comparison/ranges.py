"""Ranges in the text of a formula, `bce + {0.01..10:log:7}*abs_kl`, written out as formulas.

    {0.1, 1, 10}        these values
    {0..1:5}            5 values, evenly from 0 to 1
    {0.01..10:log:7}    7 values, evenly on a logarithmic scale

Braces have no meaning in a formula itself, so a range can stand wherever a number can. Several
ranges give every combination; the last one varies fastest.
"""

from __future__ import annotations

import itertools
import math
import re

from tfloss.errors import UsageError

MOST = 1000  # formulas from one text

_RANGE = re.compile(r"\{([^{}]*)\}")
_EVEN = re.compile(r"^([^:,]+)\.\.([^:,]+):(?:(log|lin):)?([^:,]+)$")


def expand(text: str) -> list[str]:
    """The formulas that a text with ranges stands for; a text without any stands for itself.

    Raises:
        UsageError: a range that cannot be read, or more than 1,000 formulas.
    """
    pieces = _RANGE.split(text)  # text, range, text, range, …, text
    values = [_values(piece) for piece in pieces[1::2]]
    count = math.prod(map(len, values))
    if count > MOST:
        raise UsageError(
            f"The ranges of '{text}' give {count} formulas; at most {MOST} can be compared."
        )
    return [
        "".join(itertools.chain(*zip(pieces[::2], (*chosen, ""), strict=True)))
        for chosen in itertools.product(*values)
    ]


def _values(text: str) -> list[str]:
    even = _EVEN.match(text.strip())
    if even is None and ".." not in text:
        return [_written(number_in(piece, _unreadable(text))) for piece in text.split(",")]
    if even is None:
        raise _unreadable(text)
    first, last = number_in(even[1], _unreadable(text)), number_in(even[2], _unreadable(text))
    count = number_in(even[4], _unreadable(text))
    if count != int(count) or not 2 <= count <= MOST:
        raise UsageError(
            f"The range '{{{text}}}' asks for {even[4].strip()} values; say 2 to {MOST}."
        )
    return [_written(value) for value in _even(first, last, int(count), even[3] == "log", text)]


def _even(first: float, last: float, count: int, logarithmic: bool, text: str) -> list[float]:
    steps = [number / (count - 1) for number in range(count)]
    if not logarithmic:
        return [first + (last - first) * step for step in steps]
    if first <= 0 or last <= 0:
        raise UsageError(f"The range '{{{text}}}' is logarithmic, so both ends must be above 0.")
    low, high = math.log10(first), math.log10(last)
    return [10 ** (low + (high - low) * step) for step in steps]


def number_in(text: str, refusal: UsageError) -> float:
    """The finite number that a piece of a range stands for; `refusal` is raised without one."""
    try:
        value = float(text)
    except ValueError:
        raise refusal from None
    if not math.isfinite(value):
        raise refusal
    return value


def _written(value: float) -> str:
    """Six significant digits, as a formula can hold them."""
    return f"{value:.6g}"


def _unreadable(text: str) -> UsageError:
    return UsageError(
        f"The range '{{{text}}}' cannot be read; write {{0.1, 1, 10}}, {{0..1:5}} for 5 even "
        f"steps, or {{0.01..10:log:7}} for 7 on a logarithmic scale."
    )
