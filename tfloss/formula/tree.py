"""The tree of a formula, and Python's operators to build it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

Span = tuple[int, int]


@dataclass(frozen=True, eq=False)
class _Placed:
    """A node's columns in the text that it was parsed from; None when built in Python."""

    span: Span | None = field(default=None, compare=False, repr=False, kw_only=True)


class Node(_Placed):
    """A piece of a formula. Nodes are equal when they print alike, wherever they came from."""

    def children(self) -> tuple[Node, ...]:
        return ()

    def walk(self) -> Iterator[Node]:
        """This node and all below it."""
        yield self
        for child in self.children():
            yield from child.walk()

    def __str__(self) -> str:
        from tfloss.formula.printer import to_text

        return to_text(self)

    def _repr_latex_(self) -> str:
        from tfloss.formula.latex import to_latex

        return f"${to_latex(self)}$"

    def __add__(self, other: Any) -> Node:
        return infix(self, "+", as_node(other))

    def __radd__(self, other: Any) -> Node:
        return infix(as_node(other), "+", self)

    def __sub__(self, other: Any) -> Node:
        return infix(self, "-", as_node(other))

    def __rsub__(self, other: Any) -> Node:
        return infix(as_node(other), "-", self)

    def __mul__(self, other: Any) -> Node:
        return infix(self, "*", as_node(other))

    def __rmul__(self, other: Any) -> Node:
        return infix(as_node(other), "*", self)

    def __truediv__(self, other: Any) -> Node:
        return infix(self, "/", as_node(other))

    def __rtruediv__(self, other: Any) -> Node:
        return infix(as_node(other), "/", self)

    def __pow__(self, other: Any) -> Node:
        return Power(self, as_node(other))

    def __rpow__(self, other: Any) -> Node:
        return Power(as_node(other), self)

    def __neg__(self) -> Node:
        return Negative(self)

    def __abs__(self) -> Node:
        return Call("abs", (self,))


@dataclass(frozen=True)
class Number(Node):
    """A number, finite and not negative; a minus sign is a node of its own."""

    value: int | float

    def __post_init__(self) -> None:
        if isinstance(self.value, bool) or not math.isfinite(self.value) or self.value < 0:
            raise ValueError(f"{self.value!r} cannot be a number of a formula.")


@dataclass(frozen=True)
class Text(Node):
    """A text in quotes: a setting's value, a pattern of weights, or the name of a tensor."""

    value: str


@dataclass(frozen=True)
class Flag(Node):
    """`true`, `false` or `none`."""

    value: bool | None


@dataclass(frozen=True)
class Items(Node):
    """A setting's list, `[1, 2]`."""

    items: tuple[Node, ...]

    def children(self) -> tuple[Node, ...]:
        return self.items


@dataclass(frozen=True)
class Name(Node):
    """A loss or a tensor by name; dots belong to it."""

    name: str


@dataclass(frozen=True)
class Call(Node):
    """A name with arguments; `part` is what follows them, `block3` of `vgg(prediction).block3`."""

    name: str
    args: tuple[Node, ...] = ()
    kwargs: tuple[tuple[str, Node], ...] = ()
    part: str = ""

    def children(self) -> tuple[Node, ...]:
        return (*self.args, *(value for _, value in self.kwargs))


@dataclass(frozen=True)
class Negative(Node):
    """A minus sign and what it stands before."""

    operand: Node

    def children(self) -> tuple[Node, ...]:
        return (self.operand,)


@dataclass(frozen=True)
class Infix(Node):
    """A chain of operators of one precedence: + and -, or * and /.

    A chain of a thousand summands is one node, so its depth does not grow with its length.
    """

    operands: tuple[Node, ...]
    operators: tuple[str, ...]

    @property
    def is_sum(self) -> bool:
        return self.operators[0] in "+-"

    def children(self) -> tuple[Node, ...]:
        return self.operands


@dataclass(frozen=True)
class Power(Node):
    """A base and an exponent."""

    base: Node
    exponent: Node

    def children(self) -> tuple[Node, ...]:
        return (self.base, self.exponent)


def infix(left: Node, operator: str, right: Node) -> Infix:
    """`left operator right`; a left side of the same precedence is continued, as it reads."""
    return chained(left, [(operator, right)])


def chained(first: Node, rest: Sequence[tuple[str, Node]]) -> Infix:
    """`first` and what follows it, all of one precedence, built in one go."""
    operators, operands = zip(*rest, strict=True)
    last = operands[-1]
    span = (first.span[0], last.span[1]) if first.span and last.span else None
    if isinstance(first, Infix) and first.is_sum == (operators[0] in "+-"):
        operands, operators = (*first.operands, *operands), (*first.operators, *operators)
    else:
        operands = (first, *operands)
    return Infix(operands, operators, span=span)


def as_setting(value: Any) -> Node:
    """A setting's value: a number, text, bool, None, or a list of these; numpy's as well.

    Raises:
        TypeError: anything else.
    """
    if hasattr(value, "tolist"):
        value = value.tolist()
    if value is None or isinstance(value, bool):
        return Flag(value)
    if isinstance(value, str):
        return Text(value)
    if isinstance(value, (list, tuple)):
        return Items(tuple(map(as_setting, value)))
    return as_node(value)


def as_node(value: Any) -> Node:
    """A node as it is, a text parsed, a number, or what a declared loss or function stands for.

    Raises:
        FormulaError: a text that is not a formula.
        TypeError: anything else.
    """
    if isinstance(value, Node):
        return value
    if isinstance(value, str):
        from tfloss.formula.parser import parse

        return parse(value)
    if hasattr(value, "__formula__"):
        return value.__formula__()
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return Number(value) if value >= 0 else Negative(Number(-value))
    raise TypeError(f"{value!r} cannot be part of a formula; finite numbers, names and losses can.")
