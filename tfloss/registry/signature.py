"""What a declared function asks for, read from its signature."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from types import NoneType, SimpleNamespace, UnionType
from typing import Annotated, Any

from tfloss.constraints import Constraint, Learnable
from tfloss.errors import PluginError, message_of

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class Rule:
    """What a parameter's annotation says of its values.

    Attributes:
        constraints: in the order in which they stand in `Annotated[…]`.
        whole: whether it is annotated `int`.
        nullable: whether None is allowed.
    """

    constraints: tuple[Constraint, ...] = ()
    whole: bool = False
    nullable: bool = False

    def refusal(self, value: Any) -> str | None:
        """Why a value is refused ('must be positive'), or None."""
        if value is None:
            return None if self.nullable else "must be given"
        if self.learnable and _is_tensor(value):
            return None
        for constraint in self.constraints:
            wrong = constraint.refusal(value)
            if wrong:
                return wrong
        if self.whole and (isinstance(value, bool) or not isinstance(value, Integral)):
            return "must be a whole number"
        return None

    @property
    def learnable(self) -> bool:
        """Whether a tensor is allowed, whose value is not known."""
        return any(isinstance(constraint, Learnable) for constraint in self.constraints)

    @property
    def takes_lists(self) -> bool:
        """Whether a list can be allowed."""
        return any(constraint.takes_lists for constraint in self.constraints)

    def examples(self, default: Any) -> list[Any]:
        """Values to try: what the constraints offer, as far as all of them allow it."""
        offered = [value for c in self.constraints for value in c.examples(default)]
        if self.whole:
            offered = [int(value) for value in offered]
        return [value for value in dict.fromkeys(offered) if self.refusal(value) is None]

    def search_range(self, default: Any) -> str | None:
        """Where a search looks by default; None where nothing is declared."""
        offered = (constraint.search_range(default) for constraint in self.constraints)
        return next((text for text in offered if text), None)

    def __str__(self) -> str:
        said = [*(["whole"] if self.whole else []), *map(str, self.constraints)]
        return ", ".join([*said, *(["or none"] if self.nullable and said else [])])


@dataclass(frozen=True)
class Signature:
    """The parameters of a declared function, sorted by what they mean to tfloss.

    Attributes:
        required: positional parameters without a default, in order.
        optional: positional parameters whose default is None, in order; always after `required`.
        settings: keyword-only parameters with their defaults.
        mandatory: the names of settings that have no default.
        variadic: the name of `*args`, if the function takes any number of positional arguments.
        rules: what the annotations say of values, for the parameters where they say something.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...]
    settings: Mapping[str, Any]
    mandatory: frozenset[str] = frozenset()
    variadic: str | None = None
    rules: Mapping[str, Rule] = field(default_factory=dict)

    @property
    def positional(self) -> tuple[str, ...]:
        return self.required + self.optional

    def refusal(self, name: str, value: Any) -> str | None:
        """Why a parameter's value is refused ('must be positive'), or None."""
        return self.rules[name].refusal(value) if name in self.rules else None


def read_signature(function: Callable[..., Any]) -> Signature:
    """Sort the parameters of `function`.

    Raises:
        PluginError: `**kwargs`; a positional parameter whose default is not None (a setting must
            be keyword-only: put `*,` before it); a default that its own annotation forbids.
    """
    required: list[str] = []
    optional: list[str] = []
    settings: dict[str, Any] = {}
    mandatory: set[str] = set()
    variadic = None
    parameters = inspect.signature(function).parameters
    for name, parameter in parameters.items():
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
    rules = dict(_rules(function, parameters))
    for name, default in settings.items():
        wrong = rules[name].refusal(default) if name in rules and name not in mandatory else None
        if wrong:
            raise PluginError(
                f"'{_where(function)}' gives '{name}' the default {default!r}, which {wrong}."
            )
    return Signature(
        tuple(required), tuple(optional), settings, frozenset(mandatory), variadic, rules
    )


# -- annotations ---------------------------------------------------------------------------------


def _rules(
    function: Callable[..., Any], parameters: Mapping[str, inspect.Parameter]
) -> Iterator[tuple[str, Rule]]:
    for name, parameter in parameters.items():
        rule = _rule(_evaluated(function, name, parameter.annotation))
        if rule is not None and parameter.default is None:
            rule = Rule(rule.constraints, rule.whole, nullable=True)
        if rule is not None:
            yield name, rule


def _evaluated(function: Callable[..., Any], name: str, annotation: Any) -> Any:
    """An annotation that stands as text, as `from __future__ import annotations` leaves it.

    Raises:
        PluginError: it says something of the values and cannot be read.
    """
    if not isinstance(annotation, str):
        return annotation
    inner = inspect.unwrap(function)
    known = {**getattr(inner, "__globals__", {}), **_enclosing(inner)}
    first = annotation.partition(" ")[0]
    if "Annotated" not in annotation and first != "int" and not _is_alias(known.get(first)):
        return Any  # says nothing of the values; names for type checkers only need not exist
    try:
        holder = SimpleNamespace(__annotations__={name: annotation})
        return typing.get_type_hints(holder, known, include_extras=True)[name]
    except Exception as error:
        raise PluginError(
            f"The annotation of '{name}' in '{_where(function)}' cannot be read: "
            f"{type(error).__name__}: {message_of(error)}"
        ) from error


def _is_alias(thing: Any) -> bool:
    """Whether a name stands for an annotation that several functions share."""
    return typing.get_origin(thing) in (Annotated, typing.Union, UnionType)


def _enclosing(function: Callable[..., Any]) -> dict[str, Any]:
    """What a function defined in another one sees of that."""
    try:
        return dict(inspect.getclosurevars(function).nonlocals)
    except TypeError:
        return {}


def _rule(hint: Any) -> Rule | None:
    if typing.get_origin(hint) is Annotated:
        base, *said = typing.get_args(hint)
        constraints = tuple(c for c in said if isinstance(c, Constraint))
        inner = _rule(base)
        whole, nullable = (inner.whole, inner.nullable) if inner else (False, False)
        return Rule(constraints, whole, nullable) if constraints or whole else None
    if typing.get_origin(hint) in (typing.Union, UnionType):
        members = [member for member in typing.get_args(hint) if member is not NoneType]
        inner = _rule(members[0]) if len(members) == 1 else None
        return inner and Rule(inner.constraints, inner.whole, nullable=True)
    return Rule(whole=True) if hint is int else None


def _is_tensor(value: Any) -> bool:
    """Of TensorFlow; numpy's numbers are numbers, and compared."""
    return hasattr(value, "dtype") and not isinstance(value, Real)


def _where(function: Callable[..., Any]) -> str:
    module = getattr(function, "__module__", "?")
    return f"{module}.{getattr(function, '__qualname__', repr(function))}"
