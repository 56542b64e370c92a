"""Which values the fields of a configuration may have, by their annotations and ranges."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin

from tfloss.errors import UsageError

_LONGEST = 60  # characters of a value in a sentence
_FREE = ("formula", "separator")  # texts that may hold a line break or a tab
_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
MOST_EPOCHS = 2**31 - 1  # steps are counted in 64 bits, epochs in 32


@dataclass(frozen=True)
class Range:
    """From `low` to `high`; `above` excludes the lower end, `below` the upper one."""

    low: float
    high: float = math.inf
    above: bool = False
    below: bool = False

    def holds(self, value: float) -> bool:
        """Whether a number lies in it; NaN and infinity never do."""
        if not math.isfinite(value):
            return False
        if (self.above and value == self.low) or (self.below and value == self.high):
            return False
        return self.low <= value <= self.high

    def __str__(self) -> str:
        low = f"above {self.low:g}" if self.above else f"at least {self.low:g}"
        high = "below" if self.below else "at most"
        return low if math.isinf(self.high) else f"{low} and {high} {self.high:.0f}"


SEEDS = Range(0, 2**31 - 1)
RANGES: Mapping[str, Range] = {
    "train_fraction": Range(0, 1, above=True),
    "train_size": Range(1),
    "test_size": Range(0, above=True),
    "teacher_rows": Range(2),
    "augment": Range(0, 10_000),
    "augment_noise": Range(0, 1_000_000),
    "epochs": Range(1, MOST_EPOCHS),
    "batch_size": Range(1, MOST_EPOCHS),
    "evaluate_every": Range(1, MOST_EPOCHS),
    "validation_fraction": Range(0, 1, above=True, below=True),
    "n_iter_no_change": Range(1, MOST_EPOCHS),
    "seed": SEEDS,
    "split_seed": SEEDS,
}


def check_value(name: str, value: Any, hint: Any, origin: str = "") -> None:
    """Refuse a value of another type than the field's, or outside of its range.

    Args:
        name: of the field.
        value: from a file, a program or the command line.
        hint: the field's type: str, int, float, bool, tuple[str, ...], or a union with None.
        origin: where the value comes from, for the sentence.

    Raises:
        UsageError: with what the field takes.
    """
    start = f"{origin}: " if origin else ""
    if not fits(value, hint):
        raise UsageError(f"{start}'{name}' cannot be {_shown(value)}; it is {describe(hint)}.")
    texts = value if isinstance(value, (list, tuple)) else [value]
    for text in texts:
        if isinstance(text, str) and not text.isprintable() and name not in _FREE:
            raise UsageError(
                f"{start}'{name}' cannot be {_shown(text)}, which has characters that cannot be "
                f"printed."
            )
    if name in RANGES and value is not None and not RANGES[name].holds(value):
        raise UsageError(f"{start}'{name}' is {value}; it must be {RANGES[name]}.")


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type; a whole number fits where a fraction is allowed."""
    if hint is None or hint is type(None):
        return value is None
    if get_origin(hint) in (Union, UnionType):
        return any(fits(value, one) for one in get_args(hint))
    if get_origin(hint) is tuple:
        inner = get_args(hint)[0]
        return isinstance(value, (list, tuple)) and all(fits(one, inner) for one in value)
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def describe(hint: Any) -> str:
    """A type in words, 'a whole number'."""
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(describe(one) for one in get_args(hint) if one is not type(None))
    if get_origin(hint) is tuple:
        return f"a list, each {describe(get_args(hint)[0])}"
    return _NAMES.get(hint, str(hint))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
