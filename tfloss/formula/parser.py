"""From tokens to a tree, by recursive descent.

sum     = product {("+" | "-") product}
product = factor {("*" | "/") factor}
factor  = "-" factor | power
power   = atom ["**" factor]
atom    = NUMBER | NAME | TEXT | NAME "(" [arguments] ")" ["." NAME] | "(" sum ")"
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tfloss.formula.errors import FormulaError
from tfloss.formula.tokens import FLAGS, Token, tokenize
from tfloss.formula.tree import (
    Call,
    Flag,
    Infix,
    Items,
    Name,
    Negative,
    Node,
    Number,
    Power,
    Span,
    Text,
    chained,
)

DEEPEST = 32  # nested parentheses, calls, signs and powers


def parse(text: str) -> Node:
    """The tree of a formula.

    Args:
        text: 'bce + 0.1*abs_kl'.

    Returns:
        its root; nodes add and multiply: `tfloss.parse("bce") + 0.1 * tfloss.parse("kl")`.

    Raises:
        FormulaError: with the position, for any text that is not a formula.
    """
    return Parser(text, tokenize(text)).formula()


class Parser:
    """Reads one text from left to right; `noun` is what messages call it."""

    noun = "formula"

    def __init__(self, text: str, tokens: list[Token]) -> None:
        self.text = text
        self.tokens = tokens
        self.at = 0
        self.depth = 0

    def formula(self) -> Node:
        if self.next.kind == "end":
            raise self._error(self.next, "The formula is empty; write, for example, bce.")
        node = self._sum()
        if self.next.kind != "end":
            raise self._error(self.next, self._unexpected())
        return node

    # -- the grammar's rules ---------------------------------------------------------------------

    def _sum(self) -> Node:
        return self._chain(self._product, "+-")

    def _product(self) -> Node:
        return self._chain(self._factor, "*/")

    def _chain(self, operand: Callable[[], Node], operators: str) -> Node:
        first = operand()
        rest: list[tuple[str, Node]] = []
        while self.next.kind == "operator" and self.next.text in operators:
            operator = self._take().text
            rest.append((operator, operand()))
        return chained(first, rest) if rest else first

    def _factor(self) -> Node:
        if not self._sees("-"):
            return self._power()
        with self:
            minus = self._take()
            operand = self._factor()
            return Negative(operand, span=(minus.start, self._end))

    def _power(self) -> Node:
        start = self.next.start
        base = self._atom()
        if not self._sees("**"):
            return base
        with self:
            self._take()
            return Power(base, self._factor(), span=(start, self._end))

    def _atom(self) -> Node:
        token = self.next
        if token.kind == "number":
            self._take()
            return Number(_number(token.text), span=(token.start, token.end))
        if token.kind == "name":
            return self._name_or_call()
        if self._sees("("):
            return self._group()
        if token.kind == "text":
            return self._text()
        raise self._error(token, self._unexpected())

    def _group(self) -> Node:
        with self:
            opening = self._take()
            node = self._sum()
            self._close(")", opening)
        return _placed(node, (opening.start, self._end))

    def _name_or_call(self) -> Node:
        token = self._take()
        if token.text in FLAGS:
            raise self._error(
                token, f"'{token.text}' is a value and stands alone: name={token.text}."
            )
        if not self._sees("("):
            return Name(token.text, span=(token.start, token.end))
        with self:
            opening = self._take()
            args, kwargs = self._arguments()
            self._close(")", opening)
        part = self._take().text[1:] if self._sees_part() else ""
        return Call(token.text, args, kwargs, part, span=(token.start, self._end))

    def _sees_part(self) -> bool:
        """Whether `.name` follows at once, a layer of the network that was called."""
        return self.next.kind == "part" and self.next.start == self._end

    def _arguments(self) -> tuple[tuple[Node, ...], tuple[tuple[str, Node], ...]]:
        args: list[Node] = []
        kwargs: dict[str, Node] = {}
        while not self._ends(")"):
            if args or kwargs:
                self._expect(",")
            if self.next.kind == "name" and self._sees("=", ahead=1):
                name = self._take()
                self._take()
                if name.text in kwargs or "." in name.text:
                    raise self._error(
                        name, f"'{name.text}' is given twice, or is not a plain name."
                    )
                kwargs[name.text] = self._value()
            elif kwargs and not self._ends(")"):
                raise self._error(self.next, "Arguments without a name come before name=value.")
            else:
                args.append(self._value())
        return tuple(args), tuple(kwargs.items())

    def _ends(self, bracket: str) -> bool:
        """At the closing bracket, or at the end of the text, where `_close` says what is open."""
        return self._sees(bracket) or self.next.kind == "end"

    def _value(self) -> Node:
        """An argument: an expression, or what only a setting can be."""
        token = self.next
        if token.kind == "name" and token.text in FLAGS:
            self._take()
            return Flag(FLAGS[token.text], span=(token.start, token.end))
        if self._sees("["):
            return self._items()
        return self._sum()

    def _text(self) -> Node:
        token = self._take()
        return Text(token.text[1:-1], span=(token.start, token.end))

    def _items(self) -> Node:
        with self:
            opening = self._take()
            items: list[Node] = []
            while not self._ends("]"):
                if items:
                    self._expect(",")
                items.append(self._value())
            self._close("]", opening)
        return Items(tuple(items), span=(opening.start, self._end))

    # -- reading tokens --------------------------------------------------------------------------

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    @property
    def _end(self) -> int:
        return self.tokens[self.at - 1].end

    def _take(self) -> Token:
        token = self.next
        self.at += 1
        return token

    def _sees(self, operator: str, ahead: int = 0) -> bool:
        token = self.tokens[min(self.at + ahead, len(self.tokens) - 1)]
        return token.kind == "operator" and token.text == operator

    def _expect(self, operator: str) -> None:
        if not self._sees(operator):
            raise self._error(self.next, f"A '{operator}' is missing here.{self._in_quotes()}")
        self._take()

    def _close(self, bracket: str, opening: Token) -> None:
        if not self._sees(bracket):
            if self.next.kind == "end":
                raise self._error(opening, f"This '{opening.text}' is never closed.")
            raise self._error(self.next, self._unexpected())
        self._take()

    def __enter__(self) -> None:
        """One level deeper; a plain counter, as a formula can go up and down a thousand times."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise self._error(self.next, f"The {self.noun} is nested deeper than {DEEPEST} levels.")

    def __exit__(self, *_: object) -> None:
        self.depth -= 1

    def _unexpected(self) -> str:
        token = self.next
        if token.kind == "end":
            return f"The {self.noun} ends too early."
        if token.kind in ("name", "number", "text") and self.at:
            return f"An operator or a comma is missing before '{token.text}'.{self._in_quotes()}"
        return f"'{token.text}' is not expected here."

    def _in_quotes(self) -> str:
        """Where a name goes on with what is no part of one, as `mobilenetv2_1.00_32` does."""
        before = self.tokens[self.at - 1]
        if before.kind != "name" or before.end != self.next.start:
            return ""
        whole = re.match(r"[^\s()\[\],*/+='\"]+", self.text[before.start :])
        return f" A tensor of such a name stands in quotes: '{whole.group()}'." if whole else ""

    def _error(self, token: Token, message: str) -> FormulaError:
        return FormulaError(message, self.text, token.start, token.end)


def _number(text: str) -> int | float:
    return int(text) if text.isdigit() else float(text)


def _placed(node: Node, span: Span) -> Node:
    """A parenthesised sum or product keeps its parentheses' place for errors."""
    if isinstance(node, Infix):
        return Infix(node.operands, node.operators, span=span)
    return node
