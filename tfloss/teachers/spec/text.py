"""The text of one teacher: `gpc`, `soft=gpc`, `hard=rf:n_estimators=200,max_depth=3`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tfloss.errors import UsageError
from tfloss.formula import parse_short_text

DEFAULT_ALIAS = "teacher"
_ALIAS = re.compile(r"\s*([^:=(/\\]+?)\s*=(?!=)")


@dataclass(frozen=True)
class TeacherSpec:
    """A teacher by name.

    Attributes:
        alias: the tensor's name in a formula.
        name: the name in the registry: `gpc`, a class name, `package.module:object`, a file.
        settings: the estimator's settings; a `ShortText` stands for an estimator inside.
        text: what the user wrote.
    """

    alias: str
    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    text: str = ""


def parse_teacher(text: str) -> TeacherSpec:
    """Read `[alias=]name[:setting=value,…]` or `[alias=]name(setting=value, …)`.

    See `tfloss.formula.short_text` for the values; another estimator can be one,
    `rf(n_estimators=50)`. A name can have a colon of its own, when no setting follows it:
    `package.module:object`, `column:name`.

    Raises:
        UsageError: what cannot be read.
    """
    aliased = _ALIAS.match(text)
    alias, start = (aliased.group(1), aliased.end()) if aliased else (DEFAULT_ALIAS, 0)
    if not (alias.isidentifier() and alias.isascii()):
        raise UsageError(
            f"The teacher '{text}' cannot be called '{alias}' in a formula; use letters, digits "
            f"and underscores."
        )
    read = parse_short_text(text, what="teacher", start=start, values=False, calls=True)
    if read.values:
        raise UsageError(f"The teacher '{text}' takes its settings by name: NAME:setting=value.")
    return TeacherSpec(alias, read.name, read.settings, text)


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
