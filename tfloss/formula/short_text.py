"""Short texts for what is not a formula: `rf(n_estimators=50)`, `mlp(10, 10)`, `adam`.

The formula's parser reads them. In a shell, where parentheses need quotes, a colon does for them:
`rf:n_estimators=50` is `rf(n_estimators=50)`. Nothing is evaluated. On top of a formula's values
there are

    word  = a run of characters other than space, quote, comma, '=' and brackets: ./runs, 1+1
    tuple = "(" [value {"," value}] ")"
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from tfloss.errors import UsageError
from tfloss.formula.errors import FormulaError
from tfloss.formula.parser import Parser
from tfloss.formula.tokens import FLAGS, NAME, NUMBER, Token
from tfloss.formula.tree import Call, Items, Name, Node, Text

_FILES = (".keras", ".csv", ".parquet", ".npz", ".skops")
_RUN = re.compile(r"[^\s()\[\],='\"]+")
_NUMBER = re.compile(f"[-+]?(?:{NUMBER})")
_NAME = re.compile(NAME)
_CALL = re.compile(rf"\s*({NAME}(?::\w+)?)\s*\(")
_NOT_FINITE = ("inf", "-inf", "nan")


@dataclass(frozen=True)
class ShortText:
    """A name with its arguments, as plain values.

    Attributes:
        name: `rf`, `package.module:object`, or a file.
        values: the arguments without a name, in order.
        settings: the arguments `name=value`. A value is a number, a bool, None, text, a list, a
            tuple, or another ShortText, from `rf(n_estimators=50)`.
        text: the whole as written; '' inside of another.
    """

    name: str
    values: tuple[Any, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    text: str = field(default="", compare=False)


def parse_short_text(
    text: str, *, what: str, start: int = 0, values: bool = True, calls: bool = False
) -> ShortText:
    """Read `name`, `name(value, setting=value)`, or `name:value,setting=value`.

    Files and `package.module:object` are names, with settings behind another colon.

    Args:
        text: what the user wrote.
        what: of what it is, for messages: 'model'.
        start: where the name begins in it.
        values: whether a value without a name may follow the colon; else a colon that no setting
            follows belongs to the name.
        calls: whether a value may be a name with arguments of its own.

    Raises:
        UsageError: no name; a FormulaError, with the position, for what else cannot be read.
    """
    called = _CALL.match(text, start)
    if called and not text.rstrip().endswith(_FILES):
        return _Reader(text, what, called.end() - 1, calls).call(called.group(1))
    colon = _colon(text, start, values)
    name = text[start : len(text) if colon is None else colon].strip()
    if not name:
        raise UsageError(f"The {what} '{text}' has no name; write NAME or NAME:setting=value.")
    if colon is None:
        return ShortText(name, text=text)
    return _Reader(text, what, colon + 1, calls).after_colon(name)


def is_reference(text: str) -> bool:
    """Whether a text is a file's path or `package.module:object`, to be taken as one name."""
    head, colon, tail = text.partition(":")
    if "/" in head or "\\" in head or head.endswith(_FILES):
        return True
    if text.endswith(_FILES) and "=" not in text:  # a drive's letter, C:\\model.keras
        return True
    return bool(colon) and "." in head and tail.isidentifier()


def _colon(text: str, start: int, values: bool) -> int | None:
    """The colon that stands for an opening parenthesis."""
    name = text[start:].strip()
    if values and not is_reference(":".join(name.split(":", 2)[:2])):
        place = text.find(":", start)
        return None if place < 0 else place
    for match in re.finditer(r":(?=\s*\w+\s*=)", text[start:]):
        return start + match.start()
    return None


class _Reader(Parser):
    """The formula's parser on the tokens of a short text."""

    def __init__(self, text: str, what: str, start: int, calls: bool) -> None:
        self.noun = what
        self.calls = calls
        super().__init__(text, _tokens(text, start, what))

    def call(self, name: str) -> ShortText:
        """From the opening parenthesis to the end."""
        with self:
            opening = self._take()
            args, kwargs = self._arguments()
            self._close(")", opening)
        return self._whole(name, args, kwargs)

    def after_colon(self, name: str) -> ShortText:
        """From behind the colon to the end."""
        if self.next.kind == "end":
            raise self._error(self.next, "A value is missing here.")
        return self._whole(name, *self._arguments())

    def _whole(
        self, name: str, args: tuple[Node, ...], kwargs: tuple[tuple[str, Node], ...]
    ) -> ShortText:
        if self.next.kind != "end":
            raise self._error(self.next, self._unexpected())
        return replace(_plain(Call(name, args, kwargs)), text=self.text)

    def _value(self) -> Node:
        token = self.next
        if self._sees("("):
            return self._tuple()
        if token.kind == "word" or (token.kind == "name" and token.text.lower() in FLAGS):
            self._take()
            return _Word(_word(token.text), span=(token.start, token.end))
        if token.kind == "name":
            if self._sees("(", ahead=1) and not self.calls:
                raise self._error(token, "A value here is a number, a word, a text or a list.")
            return self._name_or_call()
        if token.kind == "text":
            return self._text()
        if self._sees("["):
            return super()._value()
        raise self._error(token, "A value is missing here.")

    def _tuple(self) -> Node:
        with self:
            opening = self._take()
            items: list[Node] = []
            while not self._ends(")"):
                items.append(self._value())
                if not self._sees(","):
                    break
                self._take()
            self._close(")", opening)
        return _Tuple(tuple(items), span=(opening.start, self._end))

    def _error(self, token: Token, message: str) -> FormulaError:
        return _refusal(self.noun, message, self.text, token.start, token.end)


@dataclass(frozen=True, eq=False)
class _Word(Node):
    """A plain value: a number, a bool, None, or text without quotes."""

    value: Any


@dataclass(frozen=True, eq=False)
class _Tuple(Items):
    """A setting's tuple, `(10, 10)`."""


def _tokens(text: str, start: int, what: str) -> list[Token]:
    """Tokens with their columns in the whole text; what is no name of a formula is a word."""
    tokens: list[Token] = []
    while start < len(text):
        run = _RUN.match(text, start)
        if run:
            kind, end = "name" if _NAME.fullmatch(run.group()) else "word", run.end()
        elif text[start] in "'\"":
            kind, end = "text", text.find(text[start], start + 1) + 1
            if not end:
                raise _refusal(what, "This quote is never closed.", text, start, start + 1)
        else:
            kind, end = "operator", start + 1
        if not text[start].isspace():
            tokens.append(Token(kind, text[start:end], start, end))
        start = end
    return [*tokens, Token("end", "", len(text), len(text) + 1)]


def _word(text: str) -> Any:
    """A number, true, false, none, or the text itself."""
    if text.lower() in FLAGS:
        return FLAGS[text.lower()]
    if _NUMBER.fullmatch(text):
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    return float(text) if text in _NOT_FINITE else text


def _plain(node: Node) -> Any:
    """The value that a node stands for."""
    match node:
        case Call(name, args, kwargs):
            settings = {key: _plain(value) for key, value in kwargs}
            return ShortText(name, tuple(map(_plain, args)), settings)
        case _Tuple(items):
            return tuple(map(_plain, items))
        case Items(items):
            return list(map(_plain, items))
        case Name(name):
            return _word(name)
        case Text(value) | _Word(value):
            return value
    raise AssertionError(node)  # the reader makes no others


def _refusal(what: str, message: str, text: str, start: int, end: int) -> FormulaError:
    sentence = f"The {what} cannot be read: {message[0].lower()}{message[1:]}"
    return FormulaError(sentence, text, start, end)
