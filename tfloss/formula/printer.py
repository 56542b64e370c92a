"""From a tree to its canonical text: single spaces, no parenthesis too many.

For every tree t, `parse(to_text(t)) == t`; but a name in quotes is read as a `Text`.
"""

from __future__ import annotations

from tfloss.formula.tokens import FLAGS, PLAIN
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
    Text,
)

# How tightly a node holds together; one that is looser than its place needs parentheses.
SUM, PRODUCT, SIGN, POWER, ATOM = range(5)


def to_text(node: Node) -> str:
    """The canonical text of a tree."""
    match node:
        case Number(value):
            return repr(value)
        case Text(value):
            return _in_quotes(value)
        case Flag(value):
            return str(value).lower()
        case Items(items):
            return f"[{', '.join(map(to_text, items))}]"
        case Name(name):
            return quoted(name)
        case Call(name, args, kwargs, part):
            pieces = [*map(to_text, args), *(f"{key}={to_text(value)}" for key, value in kwargs)]
            return f"{name}({', '.join(pieces)}){part and '.' + part}"
        case Negative(operand):
            return "-" + _within(operand, SIGN)
        case Power(base, exponent):
            return f"{_within(base, ATOM)}**{_within(exponent, SIGN)}"
        case Infix(operands, operators):
            return _chain(operands, operators, node.is_sum)
    raise TypeError(f"{node!r} is not a formula's node")


def quoted(name: str) -> str:
    """A tensor's name as a formula writes it: in quotes, unless it is made of words and dots."""
    return name if PLAIN.fullmatch(name) and name not in FLAGS else _in_quotes(name)


def _in_quotes(text: str) -> str:
    return f'"{text}"' if "'" in text else f"'{text}'"


def _chain(operands: tuple[Node, ...], operators: tuple[str, ...], is_sum: bool) -> str:
    level = SUM if is_sum else PRODUCT
    # The first operand of the same level would be read as part of this chain.
    text = _within(operands[0], level + 1)
    for operator, operand in zip(operators, operands[1:], strict=True):
        sign = f" {operator} " if is_sum else operator
        text += sign + _within(operand, level + 1)
    return text


def _within(node: Node, least: int) -> str:
    text = to_text(node)
    return text if level_of(node) >= least else f"({text})"


def level_of(node: Node) -> int:
    """How tightly a node holds together."""
    if isinstance(node, Infix):
        return SUM if node.is_sum else PRODUCT
    return {Negative: SIGN, Power: POWER}.get(type(node), ATOM)
