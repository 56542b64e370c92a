"""The sentences that docs/troubleshooting.md quotes are said by the code, word by word."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from .pages import DOCS

ROOT = Path(__file__).parents[2]
PAGE = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
QUOTED = re.findall(r'^\| "([^"]+)" \|', PAGE, re.MULTILINE)


def _text(node: ast.AST) -> str:
    """A string of the code; what is put into it is '…'."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            _text(part) if isinstance(part, ast.Constant) else "…" for part in node.values
        )
    return ""


@cache
def strings() -> str:
    """All strings of the package, a line each."""
    found = []
    for path in sorted((ROOT / "tfloss").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += [_text(node) for node in ast.walk(tree)]
    return "\n".join(text.replace("\n", " ") for text in found)


@pytest.mark.parametrize("sentence", QUOTED)
def test_it_is_what_the_code_says(sentence):
    pieces = [re.escape(piece) for piece in sentence.split("…")]
    pattern = "[^\n]{0,60}".join(pieces)
    assert re.search(pattern, strings()), sentence


def test_there_are_some():
    assert len(QUOTED) > 15
