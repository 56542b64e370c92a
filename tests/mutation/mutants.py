"""Small changes to code: an operator, a comparison, a number, a condition; one at a time."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SWAPS: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


@dataclass(frozen=True)
class Mutant:
    """One change: the file, the line, what was and what is, and the whole changed code.

    `lines` are those of its statement: a test that runs none of them cannot notice the change.
    """

    path: Path
    line: int
    was: str
    now: str
    code: str
    lines: range

    @property
    def module(self) -> str:
        return ".".join(self.path.with_suffix("").parts).removesuffix(".__init__")

    @property
    def change(self) -> str:
        """In one line."""
        return " ".join(f"{self.was}  ->  {self.now}".split())

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.change}"


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Every mutant of a file; annotations are no code, since nothing evaluates them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    annotations = {id(node) for root in _annotations(tree) for node in ast.walk(root)}
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    for place, node in enumerate(ast.walk(tree)):
        if not _is_code(node) or id(node) in annotations:
            continue
        changed = copy.deepcopy(tree)
        target = next(n for i, n in enumerate(ast.walk(changed)) if i == place)
        was = ast.unparse(target)
        if _change(target):
            now = ast.unparse(target)
            line = node.lineno  # type: ignore[attr-defined]
            innermost = min(
                (s for s in statements if line in _whole(s)), key=lambda s: len(_whole(s))
            )
            lines = _own_lines(innermost)
            yield Mutant(path, line, was[:80], now[:80], ast.unparse(changed), lines)


def _annotations(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        for name in ("annotation", "returns"):
            root = getattr(node, name, None)
            if root is not None:
                yield root


def _whole(statement: ast.stmt) -> range:
    return range(_first(statement), (statement.end_lineno or 0) + 1)


def _own_lines(statement: ast.stmt) -> range:
    """Without those of the statements that it holds."""
    body = getattr(statement, "body", None)
    if not body:
        return _whole(statement)
    return range(_first(statement), max(_first(body[0]), statement.lineno + 1))


def _first(statement: ast.stmt) -> int:
    decorators = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(decorator.lineno for decorator in decorators)])


def _is_code(node: ast.AST) -> bool:
    return isinstance(node, (ast.BinOp, ast.Compare, ast.BoolOp, ast.UnaryOp, ast.Constant, ast.If))


def _change(node: Any) -> bool:
    """Change a node in place; whether there was something to change."""
    if isinstance(node, ast.Compare):
        node.ops[0] = _SWAPS[type(node.ops[0])]()
    elif isinstance(node, (ast.BinOp, ast.BoolOp)):
        if type(node.op) not in _SWAPS:
            return False
        node.op = _SWAPS[type(node.op)]()
    elif isinstance(node, ast.UnaryOp):
        if not isinstance(node.op, (ast.Not, ast.USub)):
            return False
        node.op = ast.UAdd() if isinstance(node.op, ast.USub) else node.op
        if isinstance(node.op, ast.Not):
            node.operand = ast.UnaryOp(ast.Not(), node.operand)
    elif isinstance(node, ast.If):
        node.test = ast.UnaryOp(ast.Not(), node.test)
    elif isinstance(node.value, bool):
        node.value = not node.value
    elif isinstance(node.value, (int, float)):
        node.value += 1
    else:
        return False
    return True
