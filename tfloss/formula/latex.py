"""From a tree to LaTeX."""

from __future__ import annotations

import re
from collections.abc import Callable

from tfloss.formula.printer import ATOM, PRODUCT, SIGN, SUM, level_of, to_text
from tfloss.formula.tree import Call, Infix, Items, Name, Negative, Node, Number, Power, Text

Symbols = Callable[[Node], str | None]

_CALLS = {
    "abs": r"\left|{0}\right|",
    "exp": r"\exp\left({0}\right)",
    "log": r"\log\left({0}\right)",
    "sqrt": r"\sqrt{{{0}}}",
    "square": r"\left({0}\right)^2",
    "sum": r"\sum_i {0}",
    "max": r"\max_i {0}",
    "mean": r"\frac1N\sum_i {0}",
}


def to_latex(node: Node, symbols: Symbols | None = None) -> str:
    """The formula in mathematical notation, without dollar signs.

    Args:
        node: the tree.
        symbols: may give the LaTeX of a name or a call, or None to leave it to this function.
    """
    if symbols is not None and isinstance(node, (Name, Call)):
        own = symbols(node)
        if own is not None:
            return own
    match node:
        case Number(value):
            return _number(value)
        case Name(name) | Text(name):
            return _upright(name)
        case Items(items):
            return rf"\left[{', '.join(to_latex(item, symbols) for item in items)}\right]"
        case Call():
            return _call(node, symbols)
        case Negative(operand):
            return "-" + _within(operand, SIGN, symbols)
        case Power(base, exponent):
            return f"{{{_within(base, ATOM, symbols)}}}^{{{to_latex(exponent, symbols)}}}"
        case Infix():
            return _sum(node, symbols) if node.is_sum else _product(node, symbols)
    return rf"\texttt{{{_escaped(to_text(node))}}}"


def _sum(node: Infix, symbols: Symbols | None) -> str:
    text = _within(node.operands[0], SUM + 1, symbols)
    for operator, operand in zip(node.operators, node.operands[1:], strict=True):
        text += f" {operator} {_within(operand, SUM + 1, symbols)}"
    return text


def _product(node: Infix, symbols: Symbols | None) -> str:
    """Products with a thin space, quotients as fractions."""
    text = _within(node.operands[0], PRODUCT + 1, symbols)
    for operator, operand in zip(node.operators, node.operands[1:], strict=True):
        if operator == "/":
            text = rf"\frac{{{text}}}{{{to_latex(operand, symbols)}}}"
        else:
            text += rf" \cdot {_within(operand, PRODUCT + 1, symbols)}"
    return text


def _call(node: Call, symbols: Symbols | None) -> str:
    if node.name in _CALLS and len(node.args) == 1 and not (node.kwargs or node.part):
        return _CALLS[node.name].format(to_latex(node.args[0], symbols))
    pieces = [to_latex(argument, symbols) for argument in node.args]
    pieces += [f"{_upright(key)}={to_latex(value, symbols)}" for key, value in node.kwargs]
    part = node.part and "." + _upright(node.part)
    return rf"{_upright(node.name)}\left({', '.join(pieces)}\right){part}"


def _within(node: Node, least: int, symbols: Symbols | None) -> str:
    text = to_latex(node, symbols)
    return text if level_of(node) >= least else rf"\left({text}\right)"


def _number(value: int | float) -> str:
    text = repr(value)
    if "e" not in text:
        return text
    mantissa, exponent = text.split("e")
    power = f"10^{{{int(exponent)}}}"
    return power if mantissa == "1" else rf"{mantissa} \cdot {power}"


def _upright(name: str) -> str:
    return rf"\mathrm{{{_escaped(name)}}}"


_MATHEMATICS = {"\\": r"\backslash{}", "^": r"\wedge{}", "~": r"\sim{}"}


def _escaped(text: str) -> str:
    """For mathematics, where these would be commands; a text in quotes can hold any of them."""
    return re.sub(r"[_%&#${}\\^~]", lambda found: _MATHEMATICS.get(found[0], "\\" + found[0]), text)
