"""What is wrong with a formula, and under which column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfloss.errors import UsageError

if TYPE_CHECKING:
    from tfloss.formula.tree import Node

_WINDOW = 100  # columns of the formula that are shown around the error


class FormulaError(UsageError):
    """A formula that cannot be understood.

    Attributes:
        message: one sentence.
        text: the formula.
        start, end: the columns that the sentence is about, counted from 0, end exclusive.
    """

    def __init__(self, message: str, text: str, start: int, end: int) -> None:
        self.message = message
        self.text = text
        self.start = start
        self.end = max(end, start + 1)
        super().__init__(f"{message}\n{picture(text, self.start, self.end)}")


def picture(text: str, start: int, end: int) -> str:
    """The formula with a caret under the columns from `start` to `end`; long ones are cut."""
    first = max(0, start - _WINDOW // 2)
    last = min(len(text), first + _WINDOW)
    shown = "".join(c if c.isprintable() else "?" for c in text[first:last])
    before, after = "..." if first else "", "..." if last < len(text) else ""
    indent = " " * (2 + len(before) + start - first)
    marks = "^" + "~" * (min(end, last) - start - 1)
    return f"  {before}{shown}{after}\n{indent}{marks}"


def error_at(node: Node, text: str, message: str) -> FormulaError:
    """The error of a node of the tree that `text` was parsed to."""
    start, end = node.span or (0, len(text))
    return FormulaError(message, text, start, end)
