"""`{}` in a formula: the range that the setting itself declares."""

from __future__ import annotations

import re
from collections.abc import Callable

from tfloss.errors import UsageError
from tfloss.formula import Call, Number, parse
from tfloss.registry import Declaration, Registry

_BRACES = re.compile(r"\{([^{}]*)\}")
_FIRST = 10**12  # numbers that stand for braces while a text is parsed; nobody writes them
_WRITE = "write a range, {0.01..10:log} for example"


def with_offered_ranges(text: str, registry: Registry) -> str:
    """A formula with the declared range of a setting in place of its `{}`.

        kd(temperature={})  ->  kd(temperature={0.4..40:log})

    Args:
        text: of a formula with ranges.
        registry: whose declarations are asked.

    Raises:
        UsageError: a `{}` where no range is declared, in a sentence that says which it needs.
        FormulaError: a text with a `{}` that cannot be parsed.
    """
    empty = {number for number, inside in enumerate(_BRACES.findall(text)) if not inside.strip()}
    if not empty:
        return text
    settings = _settings_at(_numbered(text, lambda number, inside: str(_FIRST + number)))

    def offered(number: int, inside: str) -> str:
        if number not in empty:
            return f"{{{inside}}}"
        if number not in settings:
            raise UsageError(
                f"A '{{}}' of '{text}' stands where nothing declares a range, for a coefficient "
                f"perhaps; {_WRITE}."
            )
        return f"{{{_range_of(*settings[number], registry)}}}"

    return _numbered(text, offered)


def _numbered(text: str, replace: Callable[[int, str], str]) -> str:
    """The text with each pair of braces replaced; `replace` gets its number and what is inside."""
    numbers = iter(range(len(text)))
    return _BRACES.sub(lambda found: replace(next(numbers), found[1]), text)


def _settings_at(text: str) -> dict[int, tuple[str, str]]:
    """By the number of a pair of braces, whose setting it is: the name of a call, and its own."""
    return {
        int(value.value) - _FIRST: (node.name, setting)
        for node in parse(text).walk()
        if isinstance(node, Call)
        for setting, value in node.kwargs
        if isinstance(value, Number) and value.value >= _FIRST
    }


def _range_of(name: str, setting: str, registry: Registry) -> str:
    declaration = _declaration(name, registry)
    rule = None if declaration is None else declaration.signature.rules.get(setting)
    default = None if declaration is None else declaration.settings.get(setting)
    if rule is not None and rule.whole and rule.search_range(default):
        values = {*rule.examples(default), default} - {None}
        return ", ".join(map(str, sorted(values)))
    found = None if rule is None else rule.search_range(default)
    if found is None or not _numbers_only(found):
        raise UsageError(f"The setting '{setting}' of '{name}' declares no range; {_WRITE}.")
    return found


def _declaration(name: str, registry: Registry) -> Declaration | None:
    kinds = (registry.losses, registry.functions, registry.reductions, registry.schedules)
    return next((kind[name] for kind in kinds if name in kind), None)


def _numbers_only(text: str) -> bool:
    """Whether a range is one of numbers: a setting may offer words."""
    try:
        for part in re.split(r"\.\.|,", text.removesuffix(":log")):
            float(part)
    except ValueError:
        return False
    return True
