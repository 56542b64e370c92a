"""From text to tokens that know their place."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from tfloss.formula.errors import FormulaError

LONGEST = 4096  # characters

NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
NAME = r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*"

PLAIN = re.compile(NAME)
FLAGS = {"true": True, "false": False, "none": None}

_PATTERN = re.compile(
    rf"""
      (?P<space>[ \t\r\n]+)
    | (?P<number>{NUMBER})
    | (?P<name>{NAME})
    | (?P<part>\.{NAME})
    | (?P<text>'[^'\r\n]*'|"[^"\r\n]*")
    | (?P<operator>\*\*|[-+*/()\[\],=])
    """,
    re.VERBOSE,
)

_LOOKALIKES = {
    "^": "write ** for a power",
    "\u2212": "that is a typographic minus; write -",
    "\u2013": "that is a dash; write -",
    "\u00b7": "write * for a product",
    "\u00d7": "write * for a product",
    "{": "write ( for a group",
    "}": "write ) for a group",
    "|": "write abs(…) for an absolute value",
    "'": "this text has no closing quote",
    '"': "this text has no closing quote",
    "<": "comparisons are not part of a formula",
    ">": "comparisons are not part of a formula",
}


@dataclass(frozen=True)
class Token:
    """A piece of a formula.

    Attributes:
        kind: 'number', 'name', 'part', 'text', 'operator' or 'end'; in short texts 'word' as well.
        text: as it stands in the formula.
        start, end: its columns, end exclusive.
    """

    kind: str
    text: str
    start: int
    end: int


def tokenize(text: str) -> list[Token]:
    """Split a formula into tokens; the last is of kind 'end'.

    Raises:
        FormulaError: too long, a character that has no meaning, a number that is not finite
            or, without being 0, too small for a float.
    """
    if len(text) > LONGEST:
        raise FormulaError(
            f"A formula has at most {LONGEST} characters; this one has {len(text)}.",
            text,
            LONGEST,
            LONGEST + 1,
        )
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        match = _PATTERN.match(text, at)
        if match is None:
            raise _strange(text, at)
        kind = str(match.lastgroup)
        if kind != "space":
            tokens.append(_checked(Token(kind, match.group(), at, match.end()), text))
        at = match.end()
    tokens.append(Token("end", "", len(text), len(text) + 1))
    return tokens


def _checked(token: Token, text: str) -> Token:
    if token.kind == "number":
        value, digits = float(token.text), token.text.lower().partition("e")[0]
        if not math.isfinite(value) or (value == 0 and digits.strip("0.")):
            too = "small" if value == 0 else "large"
            raise FormulaError(
                f"The number {token.text} is too {too}.", text, token.start, token.end
            )
    if token.kind == "text" and not (token.text.isascii() and token.text.isprintable()):
        raise FormulaError(
            "A text in a formula holds printable ASCII only.", text, token.start, token.end
        )
    return token


def _strange(text: str, at: int) -> FormulaError:
    character = text[at]
    hint = _LOOKALIKES.get(character, "it has no meaning in a formula")
    return FormulaError(f"The character {character!a} is not expected: {hint}.", text, at, at + 1)
