"""How long fitting will take, said before it starts.

A plugin that knows the cost of its estimator declares it: `@tfloss.teacher(cost=seconds)`, where
`seconds(rows, classes)` tells the time of one fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tfloss.errors import UsageError
from tfloss.registry import Registry

# What a user can be expected to wait for without a warning.
LIMIT_SECONDS = 60.0


def estimated_seconds(
    estimator: Any, rows: Iterable[int], classes: int, registry: Registry
) -> float:
    """Seconds for fitting once on each of these numbers of rows; 0 where nothing is known."""
    known = {}
    for declaration in registry.teachers.values():
        if declaration.cost is not None:
            known[declaration.estimator.rpartition(".")[2]] = declaration.cost
    inside = {type(part).__name__ for part in _parts(estimator)}
    costs = [cost for name, cost in known.items() if name in inside]
    return float(sum(cost(count, classes) for count in rows for cost in costs))


def refuse_expensive(seconds: float, rows: int, name: str) -> None:
    """Raise UsageError when fitting would take longer than anybody would wait without a warning."""
    if seconds > LIMIT_SECONDS:
        raise UsageError(
            f"The teacher '{name}' would need about {duration_text(seconds)} for {rows} rows; fit "
            f"it on fewer (--teacher-rows 1000, or rows=1000 among its settings), take another "
            f"teacher, or insist (--teacher-force, or force=true)."
        )


def _parts(estimator: Any) -> Iterator[Any]:
    """The estimator and those inside it."""
    yield estimator
    if hasattr(estimator, "get_params"):
        yield from (part for part in estimator.get_params().values() if hasattr(part, "fit"))


def duration_text(seconds: float) -> str:
    """'50 s', '12 minutes'."""
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
