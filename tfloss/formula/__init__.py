"""Formulas: text -> tree -> text and LaTeX; pure Python."""

from tfloss.formula.errors import FormulaError, error_at
from tfloss.formula.latex import to_latex
from tfloss.formula.parser import parse
from tfloss.formula.printer import quoted, to_text
from tfloss.formula.short_text import ShortText, is_reference, parse_short_text
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
    as_node,
    as_setting,
)

__all__ = [
    "Call",
    "Flag",
    "FormulaError",
    "Infix",
    "Items",
    "Name",
    "Negative",
    "Node",
    "Number",
    "Power",
    "ShortText",
    "Text",
    "as_node",
    "as_setting",
    "error_at",
    "is_reference",
    "parse",
    "parse_short_text",
    "quoted",
    "to_latex",
    "to_text",
]
