"""Values in a teacher's text: numbers, words, lists, and other estimators. Nothing is evaluated.

value   = number | 'true' | 'false' | 'none' | word | 'quoted' | (value, …) | [value, …] | call
call    = word '(' [setting '=' value {',' setting '=' value}] ')'
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tfloss.errors import UsageError

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'[^']*'|"[^"]*")|(?P<mark>[()\[\],=])|(?P<word>[^\s()\[\],='"]+))"""
)
_WORDS = {"true": True, "false": False, "none": None}
_DEEPEST = 16


@dataclass(frozen=True)
class Call:
    """`rf(n_estimators=50)` inside a setting: another estimator, made first."""

    name: str
    settings: dict[str, Any] = field(default_factory=dict)


def parse_settings(text: str, whole: str) -> dict[str, Any]:
    """Read `name=value, name=value`.

    Args:
        text: the settings.
        whole: what the user wrote, for the message.

    Raises:
        UsageError: what cannot be read, or a setting given twice; with its position.
    """
    reader = _Reader(text, whole)
    settings = reader.settings(depth=0)
    if reader.token is not None:
        reader.fail("expected ',' or the end")
    return settings


class _Reader:
    """Reads one token ahead."""

    def __init__(self, text: str, whole: str) -> None:
        self.whole = whole
        self.tokens = list(self._tokens(text.rstrip()))
        self.place = 0

    def _tokens(self, text: str):  # type: ignore[no-untyped-def]
        position = 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise UsageError(f"The teacher '{self.whole}' has a quote that is not closed.")
            yield match.lastgroup, match[match.lastgroup or 0]
            position = match.end()

    @property
    def token(self) -> str | None:
        return self.tokens[self.place][1] if self.place < len(self.tokens) else None

    def fail(self, expected: str) -> None:
        found = "its end" if self.token is None else f"'{self.token}'"
        raise UsageError(
            f"The teacher '{self.whole}' cannot be read at {found}: {expected}; "
            f"write NAME:setting=value,setting=value."
        )

    def take(self, mark: str) -> bool:
        if self.token == mark:
            self.place += 1
            return True
        return False

    def need(self, mark: str) -> None:
        if not self.take(mark):
            self.fail(f"expected '{mark}'")

    def word(self, expected: str) -> str:
        token = self.token
        if token is None or self.tokens[self.place][0] != "word":
            self.fail(f"expected {expected}")
        self.place += 1
        return str(token)

    def settings(self, depth: int) -> dict[str, Any]:
        settings: dict[str, Any] = {}
        while True:
            name = self.word("the name of a setting")
            if not name.isidentifier():
                self.place -= 1
                self.fail("expected the name of a setting")
            self.need("=")
            if name in settings:
                raise UsageError(f"The teacher '{self.whole}' gives '{name}' twice.")
            settings[name] = self.value(depth)
            if not self.take(","):
                return settings

    def value(self, depth: int) -> Any:
        if depth > _DEEPEST:
            raise UsageError(f"The teacher '{self.whole}' nests deeper than {_DEEPEST} levels.")
        if self.take("("):
            return tuple(self.items(")", depth))
        if self.take("["):
            return self.items("]", depth)
        if self.token is not None and self.tokens[self.place][0] == "text":
            self.place += 1
            return self.tokens[self.place - 1][1][1:-1]
        word = self.word("a value")
        if self.take("("):
            settings = {} if self.token == ")" else self.settings(depth + 1)
            self.need(")")
            return Call(word, settings)
        return parse_word(word)

    def items(self, end: str, depth: int) -> list[Any]:
        items: list[Any] = []
        while not self.take(end):
            items.append(self.value(depth + 1))
            if not self.take(","):
                self.need(end)
                break
        return items


def parse_word(word: str) -> Any:
    """A number, true, false, none, or the word itself."""
    if word.lower() in _WORDS:
        return _WORDS[word.lower()]
    for number in (int, float):
        try:
            return number(word)
        except ValueError:
            continue
    return word
