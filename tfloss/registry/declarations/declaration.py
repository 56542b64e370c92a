"""What every declared thing has."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from tfloss.errors import PluginError
from tfloss.registry.signature import Signature, read_signature

_LONGEST = 40  # characters of a setting's value in a sentence


@dataclass(frozen=True, repr=False)
class Declaration:
    """What every declared thing has: a name, a function, and where it came from.

    Attributes:
        name: how it is called in a formula or on the command line.
        function: the plain Python function.
        distribution: 'name version' of the distribution whose plugin registered it; set on loading.
        plugin: the name of the entry point that registered it; set on loading.
    """

    name: str
    function: Callable[..., Any]
    distribution: str = field(default="", compare=False)
    plugin: str = field(default="", compare=False)

    kind = "declaration"

    @property
    def __name__(self) -> str:
        """As a function has one, so that Keras can register a declaration."""
        return self.name

    def __repr__(self) -> str:
        signature = inspect.signature(self.function)
        bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
        said = signature.replace(parameters=bare, return_annotation=signature.empty)
        return f"<{self.kind} {self.name}{said}>"

    def __post_init__(self) -> None:
        if not all(part.isidentifier() and part.isascii() for part in self.name.split(".")):
            raise PluginError(
                f"'{self.name}' cannot be a name: use letters, digits and underscores."
            )
        _ = self.signature  # a wrong signature is reported where it is declared
        for attribute in ("__doc__", "__module__", "__qualname__", "__wrapped__"):
            value = getattr(self.function, attribute, self.function)
            object.__setattr__(self, attribute, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function.

        Raises:
            ValueError: a setting outside of its declared range.
        """
        if self.signature.rules:
            for name, value in self._by_name(args, kwargs).items():
                wrong = self.refusal(name, value)
                if wrong:
                    raise ValueError(wrong)
        return self.function(*args, **kwargs)

    def _by_name(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        return {**dict(zip(self.signature.positional, args, strict=False)), **kwargs}

    def refusal(self, name: str, value: Any) -> str | None:
        """The sentence that refuses a parameter's value; None where the declaration allows it."""
        wrong = self.signature.refusal(name, value)
        what = "setting" if name in self.settings else "number"
        return wrong and f"The {what} '{name}' of '{self.name}' is {shown(value)} but {wrong}."

    @cached_property
    def signature(self) -> Signature:
        return read_signature(self.function)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings with their defaults."""
        return self.signature.settings

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    @property
    def description(self) -> str:
        """The whole docstring, dedented."""
        return inspect.getdoc(self.function) or ""

    def registered_by(self, plugin: str, distribution: str) -> Declaration:
        """The same declaration, with its origin."""
        return replace(self, plugin=plugin, distribution=distribution)


def shown(value: Any) -> str:
    """A setting's value for a sentence: short, numbers as they were written."""
    value = list(value) if isinstance(value, tuple) else value
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
