"""Arguments of Keras' methods by name, however they were passed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def options_by_name(
    method: Callable[..., Any], positional: Sequence[Any], options: Mapping[str, Any]
) -> dict[str, Any]:
    """What follows x and y in a call of `fit` or `evaluate`, by name.

    Args:
        method: of `keras.Model`, which says the order.
        positional: what was passed by position, after x and y.
        options: what was passed by name.

    Raises:
        TypeError: more arguments than there are, or one twice, as Python says it.
    """
    names = list(inspect.signature(method).parameters)[3:]  # after self, x and y
    if len(positional) > len(names):
        raise TypeError(f"{method.__name__}() takes {len(names)} arguments after x and y.")
    by_position = dict(zip(names, positional, strict=False))
    for name in by_position:
        if name in options:
            raise TypeError(f"{method.__name__}() got multiple values for argument '{name}'.")
    return {**by_position, **options}
