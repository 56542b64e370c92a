"""What a check is, and the list of them in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tfloss.testing.subject import Subject

Examine = Callable[[Subject], int]


@dataclass(frozen=True)
class Check:
    """A named property that every loss has, or that it declares.

    Attributes:
        name: a few words, what holds when it passes.
        idea: the group that it is listed under: 'shapes', 'values', 'gradients', ….
        examine: returns the number of inputs tried; raises CheckFailure or NotApplicable.
    """

    name: str
    idea: str
    examine: Examine

    @property
    def explanation(self) -> str:
        """What is checked, in one sentence."""
        return (self.examine.__doc__ or "").partition("\n")[0]


CHECKS: dict[str, Check] = {}


def check(name: str) -> Callable[[Examine], Examine]:
    """Add a function to the checks, under the idea that its module is named after."""

    def add(examine: Examine) -> Examine:
        CHECKS[name] = Check(name, examine.__module__.rpartition(".")[2], examine)
        return examine

    return add
