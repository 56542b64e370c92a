"""What the command line writes to a terminal that may not know every character."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from tfloss.display import inert

_PACKAGE = str(Path(__file__).parents[1])


def say(text: object, *, err: bool = False) -> None:
    """Print a line that may quote names from elsewhere, which do nothing to a terminal."""
    click.echo(inert(text, lines=True), err=err)


@contextmanager
def plain_streams() -> Iterator[None]:
    """Nothing fails for want of a character, and tfloss' own warnings are sentences.

    A name from elsewhere can hold what LC_ALL=C cannot show, and a file's name what is no text.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    before = warnings.formatwarning
    warnings.formatwarning = _sentence
    try:
        yield
    finally:
        warnings.formatwarning = before


def _sentence(
    message: Any, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    if category is UserWarning and filename.startswith(_PACKAGE):
        return f"Warning: {inert(message, lines=True)}\n"
    return _PYTHONS(message, category, filename, lineno, line)


_PYTHONS = warnings.formatwarning
