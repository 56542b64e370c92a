"""Names that are given once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


def numbered(names: Iterable[str], taken: Iterable[str] = ()) -> tuple[str, ...]:
    """The names, the second of one text as 'kl#2'; so is one that is taken already."""
    seen = Counter(taken)
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return tuple(found)
