"""Ranges to be searched in, written in braces where a number would stand.

{0.01..10}        any number between
{0.01..10:log}    the same, evenly on a logarithmic scale
{1, 2, 4}         one of these
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tfloss.comparison.ranges import number_in
from tfloss.errors import UsageError

_RANGE = re.compile(r"\{([^{}]*)\}")
_BETWEEN = re.compile(r"^([^:,]+)\.\.([^:,]+?)(?::(log|lin))?$")


@dataclass(frozen=True)
class Range:
    """What may stand in one pair of braces.

    Attributes:
        name: unique in its space, 'formula 1', 'optimizer 1', ….
        text: as written, without braces.
        choices: the values, where they are listed.
        low, high, log: the ends, and whether the scale is logarithmic, where they are not.
    """

    name: str
    text: str
    choices: tuple[float, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False

    @property
    def middle(self) -> float:
        """The value of somebody who does not search: halfway, or the middle one of the listed."""
        if self.choices:
            return self.choices[(len(self.choices) - 1) // 2]
        if self.log:
            return math.sqrt(self.low * self.high)
        return (self.low + self.high) / 2


@dataclass(frozen=True)
class Space:
    """Texts with ranges.

    Attributes:
        texts: by what they are ('formula', 'optimizer'), with ranges in braces.
        ranges: in the order of the texts.
    """

    texts: Mapping[str, str]
    ranges: tuple[Range, ...]

    @classmethod
    def of(cls, **texts: str) -> Space:
        """Read the ranges.

        Raises:
            UsageError: a range that cannot be read, or none at all.
        """
        ranges: list[Range] = []
        for what, text in texts.items():
            found = _RANGE.findall(text)
            ranges += [_read(f"{what} {n}", inside) for n, inside in enumerate(found, start=1)]
        if not ranges:
            raise UsageError(
                "There is nothing to search: write a range in braces where a number stands, "
                '"bce + {0.01..10:log}*abs_kl" for example.'
            )
        return cls(texts, tuple(ranges))

    def filled(self, value: Callable[[Range], float]) -> dict[str, str]:
        """The texts with a value for every range, six significant digits each."""
        ranges = iter(self.ranges)
        return {
            what: _RANGE.sub(lambda _: f"{value(next(ranges)):.6g}", text)
            for what, text in self.texts.items()
        }


def _read(name: str, text: str) -> Range:
    between = _BETWEEN.match(text.strip())
    if between is None:
        if ".." in text:
            raise _unreadable(text)
        pieces = text.split(",")
        return Range(
            name, text, choices=tuple(number_in(piece, _unreadable(text)) for piece in pieces)
        )
    low, high = (number_in(end, _unreadable(text)) for end in between.group(1, 2))
    log = between[3] == "log"
    if not low < high:
        raise UsageError(f"The range '{{{text}}}' must go from a lower number to a higher one.")
    if log and low <= 0:
        raise UsageError(f"The range '{{{text}}}' is logarithmic, so both ends must be above 0.")
    return Range(name, text, low=low, high=high, log=log)


def _unreadable(text: str) -> UsageError:
    return UsageError(
        f"The range '{{{text}}}' cannot be read; write {{0.01..10}}, {{0.01..10:log}} for a "
        f"logarithmic scale, or {{1, 2, 4}}."
    )
