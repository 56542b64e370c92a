"""Other libraries' losses and what each is here: a page per library, and the same by loss.

From tests/peers/coverage.toml, of which a test parses and evaluates every formula, and from the
table of names that messages are made with (`tfloss.registry.names_elsewhere`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfloss.report.catalogue import built_in
from tfloss.report.held_against import worst
from tfloss_docs.files import Folder
from tfloss_docs.markdown import code, escaped, table

TABLE = Path(__file__).parents[2] / "tests" / "peers" / "coverage.toml"


@dataclass(frozen=True)
class Equivalent:
    """One of a peer's losses, and the formula that stands for it."""

    peer: str
    theirs: str
    formula: str
    note: str = ""


def read(path: Path = TABLE) -> list[dict[str, Any]]:
    """The peers of the table, in its order."""
    return tomllib.loads(path.read_text(encoding="utf-8"))["peer"]


def equivalents(peer: Mapping[str, Any]) -> list[Equivalent]:
    """What stands for each of a peer's losses."""
    found = []
    for theirs, said in peer["ours"].items():
        formula, note = said if isinstance(said, list) else (said, "")
        found.append(Equivalent(peer["name"], theirs, formula, note))
    return found


def elsewhere() -> dict[str, list[Equivalent]]:
    """By the loss that a formula consists of, what others call it."""
    found: dict[str, list[Equivalent]] = {}
    for peer in read():
        for one in equivalents(peer):
            # A sum of several losses is none of them.
            whole = re.fullmatch(r"(?:[\d.]+\*)?([a-z_]\w*)(\(.*\))?(?:/\d+)?", one.formula)
            if whole:
                found.setdefault(whole[1], []).append(one)
    return found


def slug(peer: str) -> str:
    """The name of a peer's page."""
    return re.sub(r"\W+", "_", peer.lower()).strip("_")


def write(folder: Folder, losses: Iterable[str]) -> None:
    """The pages."""
    known = set(losses)
    peers = read()
    folder.write("index.md", _index(peers))
    for peer in peers:
        folder.write(f"{slug(peer['name'])}.md", _page(peer, known))


def _index(peers: list[dict[str, Any]]) -> str:
    total = sum(len(peer["ours"]) for peer in peers)
    lines = [
        "# Coming from another library",
        "",
        f"{total} losses of {len(peers)} sets of libraries, each with the formula that stands for "
        "it here. A test parses and evaluates every formula; values and gradients are compared "
        "with Keras, and with numbers that torch, optax, torchvision, kornia, MONAI, auraloss, "
        "lightly, pycox and pytorch-metric-learning computed (`tests/peers`). The peers' sources "
        "were read in November 2026.",
        "",
    ]
    rows = [
        (
            f"[{escaped(peer['name'])}]({slug(peer['name'])}.md)",
            str(len(peer["ours"])),
            str(len(peer.get("left_out", {}))),
        )
        for peer in peers
    ]
    lines += table(("library", "has here", "left out"), rows)
    lines += [
        "## The ten largest differences",
        "",
        "Of values and gradients that tests compare with a library's, relative to the largest "
        "number expected; noted by `python -m tests.peers.closeness --write`.",
        "",
        *table(
            ("loss", "library", "of", "error", "test"),
            [
                (f"[{a}](../losses/{a}.md)", escaped(b), c, f"{d:.1g}", code(e))
                for a, b, c, d, e in worst(built_in().values())
            ],
        ),
    ]
    lines += ["```{toctree}", ":hidden:", ""]
    lines += [slug(peer["name"]) for peer in peers]
    return "\n".join([*lines, "```", ""])


def _page(peer: Mapping[str, Any], losses: set[str]) -> str:
    name = peer["name"]
    found = equivalents(peer)
    lines = [
        f"# Coming from {escaped(name)}",
        "",
        f"Read in {code(peer['where'])}. Tensors such as `hidden1` or `picture` stand for yours; "
        "`labels`, `logits`, `prediction` and `teacher` are found by their names.",
        "",
        *table(
            ("there", "here", "note"),
            [(code(one.theirs), _linked(one.formula, losses), escaped(one.note)) for one in found],
        ),
    ]
    left_out = peer.get("left_out", {})
    if left_out:
        lines += ["## Left out", "", *table(
            ("there", "why"), [(code(k), escaped(v)) for k, v in left_out.items()]
        )]  # fmt: skip
    return "\n".join(lines)


def _linked(formula: str, losses: set[str]) -> str:
    """The formula, with a link to the page of the loss that it begins with."""
    first = re.search(r"[a-z_]\w*", formula)
    if first is None or first[0] not in losses:
        return code(formula)
    return f"[{code(formula)}](../losses/{first[0]}.md)"
