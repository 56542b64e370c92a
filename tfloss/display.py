"""How objects are shown in a notebook: by a renderer on a floor above, named at the front door."""

from __future__ import annotations

import importlib
import sys
from typing import Any

_drawing = ""


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
