"""What values a setting may take, said once where the setting is declared.

    @tfloss.loss(same_shape=("labels", "logits"))
    def focal(labels, logits, *, gamma: Annotated[float, AtLeast(0)] = 2.0): ...

Whoever reads a formula refuses another value, before TensorFlow is imported; listings show the
rule, `tfloss check` tries both of its ends, and a search finds a range in it. An `int` annotation
is a rule of its own: a whole number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

__all__ = [
    "Above",
    "AtLeast",
    "Constraint",
    "Each",
    "Except",
    "Interval",
    "Learnable",
    "Length",
    "OneOf",
    "PerColumn",
]

_INSIDE = 0.01  # of a range: how far within an open end a value is tried


class Constraint:
    """A rule for a setting's value; subclass it for a rule of your own.

    Attributes:
        takes_lists: whether a list can obey it.
    """

    takes_lists = False

    def refusal(self, value: Any) -> str | None:
        """Why a value is refused, to stand behind 'but' ('must be positive'); None if it is not."""
        raise NotImplementedError

    def examples(self, default: Any) -> tuple[Any, ...]:
        """Values that the rule allows and a check should try: its ends, or every choice."""
        return ()

    def search_range(self, default: Any) -> str | None:
        """Where a search looks by default, as `tfloss search` writes it between braces."""
        return None

    def __str__(self) -> str:
        """The rule for listings, short: '≥ 0'."""
        raise NotImplementedError


@dataclass(frozen=True)
class Interval(Constraint):
    """A finite number between two ends.

    Args:
        low, high: the ends; None for no end on that side.
        closed: which of the ends belong to it, as in scikit-learn and pandas.

    Example: `level: Annotated[float, Interval(0, 1, closed="neither")] = 0.5`.
    """

    low: float | None = None
    high: float | None = None
    closed: Literal["both", "left", "right", "neither"] = "both"

    @property
    def _left(self) -> bool:
        return self.closed in ("both", "left")

    @property
    def _right(self) -> bool:
        return self.closed in ("both", "right")

    def refusal(self, value: Any) -> str | None:
        if (
            isinstance(value, bool)
            or not isinstance(value, Real)
            or not math.isfinite(float(value))
        ):
            return "must be a finite number"
        low, high, number = self.low, self.high, float(value)
        above = low is None or number > low or (self._left and number == low)
        below = high is None or number < high or (self._right and number == high)
        return None if above and below else self._rule

    @property
    def _rule(self) -> str:
        if self.low is not None and self.high is not None:
            if self.closed == "neither":
                return f"must lie between {self.low:g} and {self.high:g}"
            return f"must lie in {self}"
        if self.low == 0:
            return "must not be negative" if self._left else "must be positive"
        if self.low is not None:
            return f"must be {self.low:g} or more" if self._left else f"must be above {self.low:g}"
        return f"must be {self.high:g} or less" if self._right else f"must be below {self.high:g}"

    def examples(self, default: Any) -> tuple[Any, ...]:
        low, high = self._ends(default)
        inside = _INSIDE * (high - low)
        first = low if self._left or self.low is None else low + inside
        last = high if self._right or self.high is None else high - inside
        return first, last

    def _ends(self, default: Any) -> tuple[float, float]:
        """Both ends; for one that there is not, ten times the default's distance to the other.

        Of whole numbers twice: they count steps or bins, of which ten times as many take long.
        """
        times = 2 if isinstance(default, int) else 10
        middle = default if isinstance(default, Real) and not isinstance(default, bool) else None
        low, high = self.low, self.high
        if low is not None and high is not None:
            return low, high
        if low is not None:
            return low, low + times * ((float(middle) - low if middle is not None else 0) or 1)
        if high is not None:
            return high - times * ((high - float(middle) if middle is not None else 0) or 1), high
        size = abs(float(middle)) if middle else 1.0
        return -times * size, times * size

    def search_range(self, default: Any) -> str | None:
        low, high = self.examples(default)
        if self.low == 0 and not self._left and self.high is None:
            return f"{high / 100:.6g}..{high:.6g}:log"  # a tenth to ten times the default
        return f"{low:.6g}..{high:.6g}"

    def __str__(self) -> str:
        if self.low is not None and self.high is not None:
            left, right = "[" if self._left else "(", "]" if self._right else ")"
            return f"{left}{self.low:g}, {self.high:g}{right}"
        if self.low is not None:
            return f"{'≥' if self._left else '>'} {self.low:g}"
        if self.high is not None:
            return f"{'≤' if self._right else '<'} {self.high:g}"
        return "a number"


def AtLeast(low: float) -> Interval:  # noqa: N802 - reads as the class that it makes
    """A number from `low` on, `low` included: `gamma: Annotated[float, AtLeast(0)] = 2.0`."""
    return Interval(low, None, "left")


def Above(low: float) -> Interval:  # noqa: N802
    """A number larger than `low`: `temperature: Annotated[float, Above(0)] = 4.0`."""
    return Interval(low, None, "neither")


@dataclass(frozen=True, init=False)
class OneOf(Constraint):
    """One of some values: `mining: Annotated[str, OneOf("hard", "semihard")] = "hard"`."""

    values: tuple[Any, ...]

    def __init__(self, *values: Any) -> None:
        object.__setattr__(self, "values", values)

    def refusal(self, value: Any) -> str | None:
        return None if value in self.values else f"must be {self}"

    def examples(self, default: Any) -> tuple[Any, ...]:
        return self.values

    def search_range(self, default: Any) -> str | None:
        return ", ".join(map(str, self.values))

    def __str__(self) -> str:
        *others, last = map(repr, self.values)
        return f"{', '.join(others)} or {last}" if others else last


@dataclass(frozen=True)
class Except(Constraint):
    """Any value but one, at which the definition divides by zero, for example.

    Args:
        value: what is refused.
        instead: what to do then: 'use kl'.
    """

    value: Any
    instead: str = ""

    def refusal(self, value: Any) -> str | None:
        if value != self.value:
            return None
        return f"must not be {self.value:g}" + (f"; {self.instead}" if self.instead else "")

    def __str__(self) -> str:
        return f"not {self.value:g}"


@dataclass(frozen=True)
class Length(Constraint):
    """A list of some length: `edges: Annotated[Sequence[float], Length(2)]`.

    Args:
        least, most: how many entries; `most` None for any number from `least` on.
    """

    least: int
    most: int | None = None

    takes_lists = True

    def refusal(self, value: Any) -> str | None:
        if not is_list(value):
            return "must be a [list]"
        count = len(value)
        fits = count >= self.least and (self.most is None or count <= self.most)
        return None if fits else f"must have {self}"

    def __str__(self) -> str:
        if self.most == self.least:
            return f"{self.least} entries"
        if self.most is None:
            return f"{self.least} entries or more"
        return f"{self.least} to {self.most} entries"


@dataclass(frozen=True)
class Each(Constraint):
    """A list whose entries all obey a rule: `Annotated[Sequence[float], Each(Above(0))]`.

    Args:
        rule: of each entry.
        alone: whether one value, without a list around it, is allowed as well.
    """

    rule: Constraint
    alone: bool = False

    takes_lists = True

    def refusal(self, value: Any) -> str | None:
        if not is_list(value):
            return self.rule.refusal(value) if self.alone else "must be a [list]"
        wrong = next((refusal for entry in value if (refusal := self.rule.refusal(entry))), None)
        return wrong and f"{wrong}, each"

    def examples(self, default: Any) -> tuple[Any, ...]:
        return self.rule.examples(default) if self.alone else ()

    def search_range(self, default: Any) -> str | None:
        return self.rule.search_range(default) if self.alone else None

    def __str__(self) -> str:
        return f"{self.rule}, or a list of such" if self.alone else f"each {self.rule}"


@dataclass(frozen=True)
class PerColumn(Constraint):
    """A list with one entry for each column of a tensor, which is compared before training.

        class_weights: Annotated[Sequence[float], Each(AtLeast(0)), PerColumn("logits")]

    Args:
        tensor: the parameter whose columns, the last axis, count.
        classes: whether one column stands for two classes, so that it needs two entries.
        each: another parameter: `tensor` has its shape with so many columns for each of its
            columns as there are entries, one for a number without a list.
    """

    tensor: str
    classes: bool = False
    each: str = ""

    takes_lists = True

    def refusal(self, value: Any) -> str | None:
        # The rest needs shapes: `tfloss.registry.shapes`.
        return "must not be empty" if is_list(value) and not len(value) else None

    def __str__(self) -> str:
        if self.each:
            return f"one for each column of {self.tensor} per column of {self.each}"
        return f"one for each {'class' if self.classes else 'column'} of {self.tensor}"


@dataclass(frozen=True)
class Learnable(Constraint):
    """A setting that may be a tensor, so that a formula can have it learned.

        temperature: Annotated[float, Above(0), Learnable()] = 0.1

    lets a formula say `info_nce(temperature=learned(0.07))`: a scalar that is trained with the
    student and stays inside of its range.
    """

    def refusal(self, value: Any) -> str | None:
        return None

    def __str__(self) -> str:
        return "can be learned"


def is_list(value: Any) -> bool:
    """Whether a setting's value is a list, as a formula writes it in brackets."""
    return isinstance(value, Sequence) and not isinstance(value, str)
