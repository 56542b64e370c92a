"""In what workers differ that must be the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tfloss.errors import UsageError

_SHOWN = 60  # characters of a value
_MOST = 8  # differences


def require_same(whats: Sequence[Mapping[str, Any]], name: Callable[[int], str]) -> None:
    """Refuse workers that are to train something else than the first.

    Args:
        whats: what each trains, as JSON has it.
        name: of the worker with a number.

    Raises:
        UsageError: with what differs where, a line each.
    """
    for number, what in enumerate(whats[1:], start=1):
        lines = [
            f"{key}: {_short(one)} at {name(0)}, {_short(other)} at {name(number)}"
            for key, one, other in _differences(whats[0], what, "")
        ]
        if lines:
            raise UsageError(
                "The workers are to train different things:\n  "
                + "\n  ".join(lines[:_MOST])
                + "\nGive all of them the same data, formula, options and versions."
            )


def _differences(one: Any, other: Any, name: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in [*one, *(k for k in other if k not in one)]:
            yield from _differences(one.get(key), other.get(key), f"{name}.{key}".strip("."))
    elif one != other:
        yield name, one, other


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
