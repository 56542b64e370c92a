"""A warning about what costs nothing but comfort: told once, and never the end of anything."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_told: set[str] = set()
_collectors: list[dict[str, str]] = []


def warn_once(sentence: str, key: str = "") -> None:
    """Warn, once in a process; where warnings are errors, the sentence goes to stderr.

    Python's own "once" forgets what it has told whenever somebody changes the filters, which
    fitting and scikit-learn do all the time.

    Args:
        sentence: what a user should know.
        key: tells it from others; default: the sentence itself.
    """
    key = key or sentence
    if _collectors:
        _collectors[-1].setdefault(key, sentence)
        return
    if key in _told:
        return
    _told.add(key)
    try:
        warnings.warn(sentence, stacklevel=3)
    except Warning:  # python -W error
        print(f"Warning: {sentence}", file=sys.stderr)


@contextmanager
def collected() -> Iterator[dict[str, str]]:
    """What would be told meanwhile, by its key: for another process, which tells it."""
    found: dict[str, str] = {}
    _collectors.append(found)
    try:
        yield found
    finally:
        _collectors.remove(found)
