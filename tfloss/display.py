"""How objects look in a notebook: who draws stands on a floor above, so the front door names it."""

from __future__ import annotations

import importlib
import sys
from typing import Any

_drawing = ""


def drawn_by(module: str) -> None:
    """Name the module that draws; called once, where the floors are put together."""
    global _drawing
    _drawing = module


def drawing() -> Any:
    """The module that draws, imported at its first use: matplotlib comes with it."""
    return importlib.import_module(_drawing)


def in_notebook() -> bool:
    """Whether this program runs in the kernel of a notebook, which can show pictures."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None
