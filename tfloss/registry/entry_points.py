"""The entry points of the group `tfloss`, also where some distribution's metadata are broken."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from tfloss.errors import message_of

GROUP = "tfloss"
PROJECT = "tfloss"  # this distribution

_LONGEST = 200  # characters of somebody else's message


def entry_points() -> tuple[list[metadata.EntryPoint], dict[str, str]]:
    """The group's entry points, each once, in an order that does not depend on the file system.

    This distribution's come first, so that whoever takes a name that ships with tfloss is the one
    whose plugin is reported.

    Returns:
        the entry points; and by the name of its folder, what is wrong with each distribution whose
        entry points cannot be read, of whatever project.
    """
    unreadable: dict[str, str] = {}
    try:
        found = list(metadata.entry_points(group=GROUP))
    except Exception:  # one that cannot be decoded or parsed takes all others down with it
        found = list(_one_by_one(unreadable))
    unique = {(entry.name, entry.value): entry for entry in found}
    return sorted(unique.values(), key=_order), unreadable


def _one_by_one(unreadable: dict[str, str]) -> Iterator[metadata.EntryPoint]:
    """The same, from each distribution by itself; the first of a name on the path counts."""
    seen: set[str] = set()
    for distribution in metadata.distributions():
        folder = Path(str(getattr(distribution, "_path", "an unknown place"))).name
        project = folder.partition("-")[0].lower().replace("_", "-").replace(".", "-")
        if project in seen:
            continue
        seen.add(project)
        try:
            yield from [entry for entry in distribution.entry_points if entry.group == GROUP]
        except Exception as error:
            unreadable[folder] = (
                f"its entry points cannot be read ({type(error).__name__}: "
                f"{' '.join(message_of(error).split())[:_LONGEST]}); install it again"
            )


def _order(entry: metadata.EntryPoint) -> tuple[bool, str, str]:
    return not _ships(entry), entry.name, entry.value


def distribution_of(entry: metadata.EntryPoint) -> str:
    """'name version' of the distribution that brings an entry point."""
    try:
        return f"{entry.dist.name} {entry.dist.version}" if entry.dist else _UNKNOWN
    except Exception:  # metadata that cannot be decoded, or lack what they must have
        return _UNKNOWN


_UNKNOWN = "unknown distribution"


def _ships(entry: metadata.EntryPoint) -> bool:
    try:
        return entry.dist is not None and entry.dist.name == PROJECT
    except Exception:  # see above
        return False
