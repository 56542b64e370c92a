"""Docstrings and tables as Markdown that MyST reads without a warning."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from textwrap import dedent

_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields|Example|Examples):\s*(.*)$")


def escaped(text: str) -> str:
    """Text of a docstring: markup in backticks stays, other is escaped."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(
        piece if piece.startswith("`") else re.sub(r"([*_<\[\]\\|$])", r"\\\1", piece)
        for piece in pieces
    )


def code(text: str) -> str:
    """An inline code span, whatever the text holds."""
    fence = "``" if "`" in text else "`"
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"


def cell(text: str) -> str:
    """Text within a table."""
    return text.replace("|", r"\|").replace("\n", " ")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table of Markdown; cells are Markdown already."""
    return [
        f"| {' | '.join(head)} |",
        f"|{' --- |' * len(head)}",
        *(f"| {' | '.join(map(cell, row))} |" for row in rows),
        "",
    ]


def block(text: str, language: str = "python") -> list[str]:
    """A block of code."""
    fence = "````" if "```" in text else "```"
    return [f"{fence}{language}", text.rstrip(), fence, ""]


def raw_html(html: str) -> list[str]:
    """HTML that passes through."""
    return ["````{raw} html", html, "````", ""]


def from_docstring(text: str) -> list[str]:
    """A docstring in Google's style: paragraphs, examples as code, arguments as a list."""
    lines = text.splitlines()
    result: list[str] = []
    while lines:
        heading = _SECTION.match(lines[0])
        if heading:
            lines.pop(0)
            body = _indented(lines)
            result += _section(heading[1], heading[2], body)
        elif lines[0].startswith("    "):
            result += block(dedent("\n".join(_indented(lines))).strip("\n"))
        else:
            result.append(escaped(lines.pop(0)))
    return result


def _indented(lines: list[str]) -> list[str]:
    """Takes the indented lines at the beginning away, with the empty ones among them."""
    taken: list[str] = []
    while lines and (not lines[0].strip() or lines[0].startswith(" ")):
        taken.append(lines.pop(0))
    while taken and not taken[-1].strip():
        taken.pop()
    return dedent("\n".join(taken)).splitlines()


def _section(name: str, rest: str, body: list[str]) -> Iterator[str]:
    yield from ["", f"**{name}**", ""]
    if name.startswith("Example"):
        text = "\n".join([rest, *body] if rest else body)
        yield from block(text, "pycon" if ">>>" in text else "python")
        return
    if rest:
        yield from [escaped(rest), ""]
    if name in ("Returns", "Yields"):
        yield from [*map(escaped, body), ""]
        return
    for entry in _entries(body):
        what, colon, said = entry.partition(":")
        if colon and re.fullmatch(r"[\w.*, ]+", what):
            yield f"- {code(what)}: {escaped(said.strip())}"
        else:
            yield f"- {escaped(entry)}"
    yield ""


def _entries(body: list[str]) -> Iterator[str]:
    """The entries of a section, each in one line: those that go on are indented."""
    entry: list[str] = []
    for line in body:
        if line and not line.startswith(" ") and entry:
            yield " ".join(entry)
            entry = []
        if line.strip():
            entry.append(line.strip())
    if entry:
        yield " ".join(entry)
