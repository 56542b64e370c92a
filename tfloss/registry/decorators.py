"""The decorators that declare: `@tfloss.loss`, `@tfloss.teacher`, one for each kind."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, overload

from tfloss.errors import PluginError
from tfloss.registry.declarations import (
    Balance,
    Dataset,
    Declaration,
    Function,
    Loss,
    Metric,
    Model,
    Recipe,
    Reduction,
    Schedule,
    Teacher,
    Tracker,
)

D = TypeVar("D", bound=Declaration)
D_co = TypeVar("D_co", bound=Declaration, covariant=True)

# By kind: the signature of a function that can be declared so, and what it returns.
_EXAMPLES = {
    "loss": ("brier(labels, probs)", "tf.reduce_sum((probs - labels) ** 2, axis=-1)"),
    "function": ("cube(x)", "x**3"),
    "balance": ("even(losses)", "tf.ones_like(losses)"),
    "reduction": ("largest(values, present, weight)", "tf.reduce_max(values * present)"),
    "schedule": ("halving(step, *, every=1000.0)", "0.5 ** (step / every)"),
    "teacher": ("forest(*, n_estimators=100)", "RandomForestClassifier(n_estimators)"),
    "dataset": ("rings()", "tfloss.Table(features, target)"),
    "model": (
        "wide(inputs, outputs, units=64)",
        "keras.Sequential([keras.Input((inputs,)), keras.layers.Dense(outputs)])",
    ),
    "metric": ("top(classes, probs)", "float((probs.argmax(1) == classes).mean())"),
    "recipe": ("mine()", '{"formula": "bce + 0.1*kl", "teacher": ["gpc"]}'),
    "tracker": ("printer()", "Printer()"),
}
_PAGE = """{summary}

Used bare, `@tfloss.{kind}`, or with attributes, `@tfloss.{kind}(name="other")`.

{attributes}

Args:
    function: the plain function. Its name is the name that it is registered by.
    name: another name.
    **attributes: those above.

Raises:
    PluginError: an attribute that does not exist, or a function that cannot be a {kind}.

Example:
    >>> @tfloss.{kind}
    ... def {signature}:
    ...     return {value}
"""


class Decorator(Protocol[D_co]):
    """A decorator that turns a function into a declaration, bare or with keyword attributes."""

    @overload
    def __call__(
        self, function: Callable[..., Any], /, *, name: str | None = None, **attributes: Any
    ) -> D_co: ...
    @overload
    def __call__(
        self, function: None = None, /, *, name: str | None = None, **attributes: Any
    ) -> Callable[[Callable[..., Any]], D_co]: ...


def _decorator(kind: type[D]) -> Decorator[D]:
    """Make the decorator of one kind."""

    def decorate(
        function: Callable[..., Any] | None = None, /, *, name: str | None = None, **attributes: Any
    ) -> Any:
        def declare(function: Callable[..., Any]) -> D:
            try:
                return kind(name=name or function.__name__, function=function, **attributes)
            except TypeError as error:
                raise PluginError(
                    f"@tfloss.{kind.kind} on '{function.__name__}': {error}"
                ) from error

        return declare if function is None else declare(function)

    decorate.__name__ = decorate.__qualname__ = kind.kind
    decorate.__doc__ = _page(kind)
    return decorate


def _page(kind: type[Declaration]) -> str:
    signature, value = _EXAMPLES[kind.kind]
    return _PAGE.format(
        summary=f"Declare a {kind.kind}.",
        kind=kind.kind,
        attributes=inspect.getdoc(kind),
        signature=signature,
        value=value,
    )


loss = _decorator(Loss)
function = _decorator(Function)
balance = _decorator(Balance)
reduction = _decorator(Reduction)
schedule = _decorator(Schedule)
teacher = _decorator(Teacher)
dataset = _decorator(Dataset)
model = _decorator(Model)
metric = _decorator(Metric)
recipe = _decorator(Recipe)
tracker = _decorator(Tracker)
