"""Options that decide a training, checked before anything is built."""

from __future__ import annotations

import operator
from typing import Any, Literal, get_args

from tfloss.errors import UsageError, did_you_mean, listed

OnNan = Literal["stop", "skip", "lower"]
Compile = Literal["auto", "xla", "graph", "eager"]
# 'shuffled': each row once per epoch, in a new order. 'replacement': each batch is drawn with
# replacement from all rows; an epoch has as many full batches as fit into the rows.
# 'sequential': each row once per epoch, in the order of the data.
Batches = Literal["shuffled", "replacement", "sequential"]

ON_NAN: tuple[str, ...] = get_args(OnNan)
COMPILE: tuple[str, ...] = get_args(Compile)
TASKS = ("classification", "regression")
BATCHES: tuple[str, ...] = get_args(Batches)


def one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    """Raise UsageError for a word that is not among those known."""
    if value not in known:
        raise UsageError(
            f"{name} cannot be '{value}'.{did_you_mean(str(value), known)} Known: {listed(known)}."
        )


def at_least_one(**counts: Any) -> None:
    """Raise UsageError for a number that is no whole number from 1 on."""
    for name, count in counts.items():
        try:
            whole = operator.index(count)
        except TypeError:
            raise UsageError(f"{name} is {count!r}; it must be a whole number.") from None
        if whole < 1 or isinstance(count, bool):
            raise UsageError(f"{name} is {count}; it must be at least 1.")
