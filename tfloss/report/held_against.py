"""What a loss was held against and how close it came, as the package that ships it says.

A package of losses may hold `held_against.json`, made by its tests: by loss a list of
`{"against": [libraries], "test": "path::name", "value": error, "gradient": error}`, the errors
relative to the largest number that was expected.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from tfloss.registry import Loss

FILE = "held_against.json"
OURS = ("central differences", "equations in NumPy", "published values")  # no library's


@dataclass(frozen=True)
class HeldAgainst:
    """One test that compares a loss with what is not this code.

    Attributes:
        against: libraries, peers, 'published values', 'equations in NumPy' or 'central
            differences'.
        test: where it stands, 'tests/losses/test_survival.py::test_cox_is_lifelines_likelihood'.
        value: the largest relative error of values; None: none was compared.
        gradient: the same of gradients.
    """

    against: tuple[str, ...]
    test: str
    value: float | None = None
    gradient: float | None = None


def held_against(loss: Loss) -> list[HeldAgainst]:
    """The comparisons of a loss; none where its package ships no `held_against.json`."""
    package = loss.function.__module__.partition(".")[0]
    return [
        HeldAgainst(tuple(e["against"]), e["test"], e.get("value"), e.get("gradient"))
        for e in _file(package).get(loss.name, ())
    ]


@cache
def _file(package: str) -> dict[str, Any]:
    try:
        text = (resources.files(package) / FILE).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError, ModuleNotFoundError, TypeError):
        return {}
    found: dict[str, Any] = json.loads(text)
    return found


def summary(loss: Loss) -> str:
    """In one line: against whom, and the largest errors; '' where nothing is known."""
    found = held_against(loss)
    return "; ".join(part for kind in ("value", "gradient") if (part := _worst(found, kind)))


def _worst(found: list[HeldAgainst], kind: str) -> str:
    """'value: SciPy, equations in NumPy (2e-16)'."""
    errors = [(getattr(one, kind), one) for one in found if getattr(one, kind) is not None]
    if not errors:
        return ""
    names = sorted({name for _, one in errors for name in one.against}, key=str.lower)
    return f"{kind}: {', '.join(names)} (to {max(error for error, _ in errors):.1g})"


def lines(loss: Loss) -> Iterator[str]:
    """A line for each test: against whom, how close, where."""
    for one in held_against(loss):
        errors = ", ".join(
            f"{kind} to {error:.1g}"
            for kind, error in (("value", one.value), ("gradient", one.gradient))
            if error is not None
        )
        yield f"  {', '.join(one.against)}: {errors}  {one.test}"


def worst(losses: Iterable[Loss], count: int = 10) -> list[tuple[str, str, str, float, str]]:
    """The largest errors next to other libraries: loss, library, of what, error, test."""
    rows = [
        (loss.name, ", ".join(libraries), kind, error, one.test)
        for loss in losses
        for one in held_against(loss)
        for kind, error in (("value", one.value), ("gradient", one.gradient))
        if error is not None and (libraries := [a for a in one.against if a not in OURS])
    ]
    return sorted(rows, key=lambda row: -row[3])[:count]
