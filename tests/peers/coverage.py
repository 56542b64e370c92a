"""Which of our losses stands for which of a peer's: the table, checked, as a page.

python -m tests.peers.coverage > docs/coverage.md
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.peers.closeness import worst_table

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


def page() -> str:
    """The table as Markdown."""
    found = peers()
    lines = [
        "# Losses of other libraries, and what they are here",
        "",
        "Made by `python -m tests.peers.coverage > docs/coverage.md`; `tests/peers` parses and "
        "evaluates every formula, and compares values and gradients with Keras and with numbers "
        "that torch, optax, torchvision, kornia, MONAI, auraloss, lightly, pycox and "
        "pytorch-metric-learning computed. Peers' sources were read in November 2026; their names "
        "are classes or functions there. Tensors such as `hidden1` or `picture` stand for yours.",
        "",
        "| library | has here | left out |",
        "| --- | --: | --: |",
        *(f"| {peer.name} | {len(peer.ours)} | {len(peer.left_out)} |" for peer in found),
        "",
    ]
    for peer in found:
        lines += [f"## {peer.name}", "", f"Read in `{peer.where}`.", ""]
        lines += ["| theirs | here | note |", "| --- | --- | --- |"]
        lines += [f"| {s.theirs} | `{s.formula}` | {s.note} |" for s in peer.ours]
        if peer.left_out:
            lines += ["", "Left out:", ""]
            lines += [f"- {theirs}: {reason}." for theirs, reason in peer.left_out.items()]
        lines.append("")
    lines += [
        "## The ten largest differences",
        "",
        "Of values and gradients that tests compare with another library's, in float32 and "
        "float64, relative to the largest number expected; by "
        "`python -m tests.peers.closeness --write`.",
        "",
        *worst_table(),
    ]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    print(page(), end="")
