"""What a declared function asks for, read from its signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tfloss.errors import PluginError

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class Signature:
    """The parameters of a declared function, sorted by what they mean to tfloss.

    Attributes:
        required: positional parameters without a default, in order.
        optional: positional parameters whose default is None, in order; always after `required`.
        settings: keyword-only parameters with their defaults.
        mandatory: the names of settings that have no default.
        variadic: the name of `*args`, if the function takes any number of positional arguments.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...]
    settings: Mapping[str, Any]
    mandatory: frozenset[str] = frozenset()
    variadic: str | None = None

    @property
    def positional(self) -> tuple[str, ...]:
        return self.required + self.optional


def read_signature(function: Callable[..., Any]) -> Signature:
    """Sort the parameters of `function`.

    Raises:
        PluginError: `**kwargs`, or a positional parameter whose default is not None (a setting must
            be keyword-only: put `*,` before it).
    """
    required: list[str] = []
    optional: list[str] = []
    settings: dict[str, Any] = {}
    mandatory: set[str] = set()
    variadic = None
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            raise PluginError(
                f"'{_where(function)}' takes **{name}; name each setting, to have it checked."
            )
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            variadic = name
        elif parameter.kind in _POSITIONAL:
            if parameter.default is inspect.Parameter.empty:
                required.append(name)
            elif parameter.default is None:
                optional.append(name)
            else:
                raise PluginError(
                    f"'{_where(function)}' gives its parameter '{name}' a default; a setting must "
                    f"be keyword-only: put '*,' before it."
                )
        elif parameter.default is inspect.Parameter.empty:
            settings[name] = None
            mandatory.add(name)
        else:
            settings[name] = parameter.default
    return Signature(tuple(required), tuple(optional), settings, frozenset(mandatory), variadic)


def _where(function: Callable[..., Any]) -> str:
    module = getattr(function, "__module__", "?")
    return f"{module}.{getattr(function, '__qualname__', repr(function))}"
