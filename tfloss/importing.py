"""Modules of the user's own, as `python -m` would find them: the working directory comes first."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def working_directory_first() -> Iterator[None]:
    """A context in which `import` looks into the working directory before anywhere else.

    For plugins that take `module:object` from the command line.

    Example:
        >>> with working_directory_first():
        ...     module = importlib.import_module("mymodels")
    """
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        sys.path.remove(here)
