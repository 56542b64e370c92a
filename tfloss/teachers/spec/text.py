"""The text of one teacher: `gpc`, `soft=gpc`, `hard=rf:n_estimators=200,max_depth=3`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tfloss.errors import UsageError
from tfloss.teachers.spec.values import parse_settings

DEFAULT_ALIAS = "teacher"
_ALIAS = re.compile(r"\s*([^:=(/\\]+?)\s*=(?!=)(.*)", re.DOTALL)


@dataclass(frozen=True)
class TeacherSpec:
    """A teacher by name.

    Attributes:
        alias: the tensor's name in a formula.
        name: what the registry is asked for: `gpc`, a class name, `package.module:object`, a file.
        settings: the estimator's settings; `values.Call` stands for an estimator inside.
        text: what the user wrote.
    """

    alias: str
    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    text: str = ""


def parse_teacher(text: str) -> TeacherSpec:
    """Read `[alias=]name[:setting=value,…]`.

    A value is a number, true, false, none, a word, a quoted text, a list `[…]`, a tuple `(…)`, or
    another estimator with settings, `rf(n_estimators=50)`. A name can have a colon of its own, when
    no setting follows it: `package.module:object`, `column:name`.

    Raises:
        UsageError: what cannot be read.
    """
    aliased = _ALIAS.fullmatch(text)
    alias, rest = aliased.groups() if aliased else (DEFAULT_ALIAS, text)
    if not (alias.isidentifier() and alias.isascii()):
        raise UsageError(
            f"The teacher '{text}' cannot be called '{alias}' in a formula; use letters, digits "
            f"and underscores."
        )
    name, settings = _name_and_settings(rest.strip())
    if not name:
        raise UsageError(f"The teacher '{text}' has no name; write NAME or NAME:setting=value.")
    return TeacherSpec(alias, name, parse_settings(settings, text) if settings else {}, text)


def _name_and_settings(text: str) -> tuple[str, str]:
    """Part at the first colon behind which a setting stands; other colons belong to the name."""
    for match in re.finditer(":", text):
        if re.match(r"\s*\w+\s*=", text[match.end() :]):
            return text[: match.start()].strip(), text[match.end() :].strip()
    return text, ""


def parse_teachers(texts: Iterable[str]) -> list[TeacherSpec]:
    """Read several teachers, which need different names.

    Raises:
        UsageError: what cannot be read, or one name for two teachers.
    """
    specs = [parse_teacher(text) for text in texts]
    refuse_same_alias((spec.alias, spec.text) for spec in specs)
    return specs


def refuse_same_alias(named: Iterable[tuple[str, str]]) -> None:
    """Raise UsageError when two teachers have one name in a formula."""
    seen: dict[str, str] = {}
    for alias, text in named:
        if alias in seen:
            raise UsageError(
                f"The teachers '{seen[alias]}' and '{text}' are both called '{alias}'; give each a "
                f"name of its own, as in 'soft=gpc'."
            )
        seen[alias] = text
