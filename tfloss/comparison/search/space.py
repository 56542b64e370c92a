"""What a search looks for: the ranges of a formula and of an optimizer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from tfloss.comparison.ranges import Range, filled, ranges_in
from tfloss.errors import UsageError


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
        ranges = [
            replace(one, name=f"{what} {number}")
            for what, text in texts.items()
            for number, one in enumerate(ranges_in(text, counted=False), start=1)
        ]
        if not ranges:
            raise UsageError(
                "There is nothing to search: write a range in braces where a number stands, "
                '"bce + {0.01..10:log}*abs_kl" for example, or {} for a setting that declares one.'
            )
        return cls(texts, tuple(ranges))

    def filled(self, value: Callable[[Range], float]) -> dict[str, str]:
        """The texts with a value for every range, six significant digits each."""
        values = map(value, self.ranges)
        return {what: filled(text, values.__next__) for what, text in self.texts.items()}
