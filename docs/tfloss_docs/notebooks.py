"""The guides as notebooks: Python blocks are cells, a text block behind one is what it prints."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tfloss_docs.files import Folder

_BLOCK = re.compile(
    r"^```python\n(.*?)^```\n?(?:\n```text\n(.*?)^```\n?)?", re.MULTILINE | re.DOTALL
)
_COMMENT = re.compile(r"^<!--.*?-->\n?", re.MULTILINE | re.DOTALL)


def write(folder: Folder, guides: Path) -> None:
    """A notebook for each guide."""
    for path in sorted(guides.glob("*.md")):
        if path.stem != "index":
            folder.write(f"notebooks/{path.stem}.ipynb", notebook(path.read_text("utf-8")))


def notebook(text: str) -> str:
    """Markdown as a notebook of format 4.5."""
    text = _COMMENT.sub("", text)
    pieces = _BLOCK.split(text)  # text, code and what it prints in turn
    cells = [
        _cell("code" if number % 3 else "markdown", piece.strip("\n"), number, pieces)
        for number, piece in enumerate(pieces)
        if number % 3 < 2 and piece.strip()
    ]
    found = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def _cell(kind: str, source: str, number: int, pieces: list[str | None]) -> dict[str, Any]:
    cell: dict[str, Any] = {
        "cell_type": kind,
        "id": f"cell-{number}",
        "metadata": {},
        "source": source.splitlines(keepends=True),
    }
    if kind == "markdown":
        return cell
    printed = pieces[number + 1]
    lines = printed.splitlines(keepends=True) if printed else []
    outputs = [{"name": "stdout", "output_type": "stream", "text": lines}] if lines else []
    return cell | {"execution_count": None, "outputs": outputs}
