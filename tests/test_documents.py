"""Every Python block of the documents runs, one document at a time, from top to bottom.

A text block right behind one is what it prints, "…" for anything. Its numbers are rounded in the
document, so that every processor prints the same.
"""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md")) + sorted((ROOT / "docs" / "guides").glob("*.md"))
# The front page of the site has a sketch whose model is the reader's.
DOCUMENTS = [ROOT / "README.md", *(page for page in PAGES if page.stem != "index")]
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_python_blocks_run(document, tmp_path, monkeypatch):
    blocks = BLOCK.findall(document.read_text(encoding="utf-8"))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__main__"}
    for number, (block, shown) in enumerate(blocks, start=1):
        where = f"{document.name}, block {number}"
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block, where, "exec"), names)
        if shown:
            found = _lines(printed.getvalue())
            assert re.fullmatch(_pattern(shown), found, re.DOTALL), f"{where} prints\n{found}"


def _lines(text):
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def _pattern(shown):
    """Of the lines of a text block; … stands for anything."""
    return re.escape(_lines(shown)).replace("…", ".*")


def test_the_guides_show_what_they_print():
    for guide in (ROOT / "docs" / "guides").glob("*.md"):
        for block, shown in BLOCK.findall(guide.read_text(encoding="utf-8")):
            assert shown or "print(" not in block, f"{guide.name}: {block}"


def test_every_formula_on_a_command_line_is_quoted():
    """zsh takes an unquoted * for a pattern of file names."""
    for document in DOCUMENTS:
        for line in document.read_text(encoding="utf-8").splitlines():
            if "--loss " in line and "tfloss train" in line:
                assert re.search(r"""--loss (["']|\w+(\s|$))""", line), line  # a word needs none


def test_nothing_speaks_of_where_it_was_made():
    for document in DOCUMENTS:
        assert "/work/" not in document.read_text(encoding="utf-8")
