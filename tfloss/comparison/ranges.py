"""Ranges in the text of a formula or an optimizer, in braces where a number would stand.

    {0.1, 1, 10}        these values
    {0..1:5}            5 values, evenly from 0 to 1               (compare)
    {0.01..10:log:7}    7 values, evenly on a logarithmic scale    (compare)
    {0..1}              any number between                         (search)
    {0.01..10:log}      the same, on a logarithmic scale           (search)

`tfloss compare` writes ranges out as formulas, `tfloss search` looks for the best value in each.
Braces have no meaning in a formula itself. Several ranges give every combination; the last one
varies fastest.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tfloss.errors import UsageError

MOST = 1000  # formulas from one text

_PLACEHOLDER = 907_310_000  # whole numbers from here on stand for ranges for a moment
_BRACES = re.compile(r"\{([^{}]*)\}")
_BETWEEN = re.compile(r"^([^:,]+)\.\.([^:,]+?)(?::(log|lin))?(?::([^:,]+))?$")
_COUNTED = "{0.1, 1, 10}, {0..1:5} for 5 even steps, or {0.01..10:log:7} for 7 on a log scale"
_ANY = "{0.01..10}, {0.01..10:log} for a logarithmic scale, or {1, 2, 4}"


@dataclass(frozen=True)
class Range:
    """What may stand in one pair of braces.

    Attributes:
        text: as written, without braces.
        choices: the values, where they are listed or counted.
        low, high, log: the ends, and whether the scale is logarithmic, where they are not.
        name: unique in a search, 'formula 1', 'optimizer 1', ….
    """

    text: str
    choices: tuple[float, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    name: str = ""

    @property
    def middle(self) -> float:
        """The value of somebody who does not search: halfway, or the middle one of the choices."""
        if self.choices:
            return self.choices[(len(self.choices) - 1) // 2]
        if self.log:
            return math.sqrt(self.low * self.high)
        return (self.low + self.high) / 2


def expand(text: str) -> list[str]:
    """The formulas that a text with ranges stands for; a text without any stands for itself.

    Raises:
        UsageError: a range that cannot be read, or more than 1,000 formulas.
    """
    ranges = ranges_in(text, counted=True)
    count = math.prod(len(one.choices) for one in ranges)
    if count > MOST:
        raise UsageError(
            f"The ranges of '{text}' give {count} formulas; at most {MOST} can be compared."
        )
    return [
        filled(text, iter(chosen).__next__)
        for chosen in itertools.product(*(one.choices for one in ranges))
    ]


def ranges_in(text: str, *, counted: bool) -> list[Range]:
    """The ranges of a text, in its order.

    Args:
        text: of a formula or an optimizer.
        counted: whether a range between two ends says how many values it stands for.

    Raises:
        UsageError: a range that cannot be read.
    """
    return [_read(inside, counted) for inside in _BRACES.findall(text)]


def rewritten(text: str, change: Callable[[str], str]) -> str:
    """A text with ranges, changed as a formula is that has numbers in their place.

    Args:
        text: with or without ranges.
        change: from a formula to a formula with the same numbers.
    """
    ranges = _BRACES.findall(text)
    places = [str(_PLACEHOLDER + number) for number in range(len(ranges))]
    numbers = iter(places)
    changed = change(_BRACES.sub(lambda _: next(numbers), text))
    for place, inside in zip(places, ranges, strict=True):
        changed = changed.replace(place, f"{{{inside}}}")
    return changed


def filled(text: str, value: Callable[[], float]) -> str:
    """A text with a value in place of each of its ranges, six significant digits."""
    return _BRACES.sub(lambda _: f"{value():.6g}", text)


def _read(text: str, counted: bool) -> Range:
    unreadable = UsageError(
        f"The range '{{{text}}}' cannot be read; write {_COUNTED if counted else _ANY}."
    )
    between = _BETWEEN.match(text.strip())
    if between is None:
        if ".." in text:
            raise unreadable
        choices = tuple(_number(piece, unreadable) for piece in text.split(","))
        return Range(text, choices)
    low, high = (_number(end, unreadable) for end in between.group(1, 2))
    log, count = between[3] == "log", between[4]
    if (count is not None) != counted:
        raise unreadable
    if log and min(low, high) <= 0:
        raise UsageError(f"The range '{{{text}}}' is logarithmic, so both ends must be above 0.")
    if counted:
        number = _number(count, unreadable)
        if number != int(number) or not 2 <= number <= MOST:
            raise UsageError(
                f"The range '{{{text}}}' asks for {count.strip()} values; write 2 to {MOST}."
            )
        return Range(text, tuple(_even(low, high, int(number), log)))
    if not low < high:
        raise UsageError(f"The range '{{{text}}}' must go from a lower number to a higher one.")
    return Range(text, low=low, high=high, log=log)


def _even(first: float, last: float, count: int, log: bool) -> Iterator[float]:
    if log:
        first, last = math.log10(first), math.log10(last)
    for number in range(count):
        value = first + (last - first) * (number / (count - 1))
        yield 10**value if log else value


def _number(text: str, refusal: UsageError) -> float:
    """The finite number that a piece of a range stands for; `refusal` is raised without one."""
    try:
        value = float(text)
    except ValueError:
        raise refusal from None
    if not math.isfinite(value):
        raise refusal
    return value
