"""How objects are shown in a notebook, and how text from elsewhere is shown anywhere.

Objects are shown by a renderer on a floor above, named at the front door.
"""

from __future__ import annotations

import importlib
import re
import sys
from typing import Any

_drawing = ""

# What moves a cursor, starts a command to the terminal, or turns the words after it round.
_ACTIVE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def inert(text: object, *, lines: bool = False) -> str:
    """Text from elsewhere with what a terminal would obey spelled out: ESC is '\\x1b'.

    Names of columns, classes and files hold whatever somebody put there.

    Args:
        text: from elsewhere, or a sentence that quotes it.
        lines: whether it may have several lines, and tabs.
    """
    return _ACTIVE.sub(
        lambda found: found[0] if lines and found[0] in "\n\t" else ascii(found[0])[1:-1], str(text)
    )


def set_renderer(module: str) -> None:
    """Name the module that renders; called once, by the package itself."""
    global _drawing
    _drawing = module


def renderer() -> Any:
    """The module that renders, imported at its first use, since it imports matplotlib."""
    return importlib.import_module(_drawing)


def in_notebook() -> bool:
    """Whether this program runs in the kernel of a notebook, which can show pictures."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None
