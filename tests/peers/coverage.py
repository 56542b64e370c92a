"""Which of our losses stands for which of a peer's: the table; the site makes pages of it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("coverage.toml")


@dataclass(frozen=True)
class Stand:
    """What stands for one of a peer's losses: a formula, and in what it differs."""

    peer: str
    theirs: str
    formula: str
    note: str = ""


@dataclass(frozen=True)
class Peer:
    """A library with its losses: those that we have, and those left out, with the reason."""

    name: str
    where: str
    ours: tuple[Stand, ...]
    left_out: dict[str, str]


def peers() -> list[Peer]:
    """The whole table."""
    return [_peer(entry) for entry in tomllib.loads(TABLE.read_text(encoding="utf-8"))["peer"]]


def _peer(entry: dict) -> Peer:
    ours = []
    for theirs, said in entry["ours"].items():
        formula, note = said if isinstance(said, list) else (said, "")
        ours.append(Stand(entry["name"], theirs, formula, note))
    return Peer(entry["name"], entry["where"], tuple(ours), entry.get("left_out", {}))
