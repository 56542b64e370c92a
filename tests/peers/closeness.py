"""What every loss is held against, and how close it comes, noted while the tests compare.

    python -m tests.peers.closeness --write [tests/losses/test_survival.py …]

runs the tests of the losses and of the peers, and writes `plugins/tfloss_losses/held_against.json`;
with paths, only what these tests say is written anew. Without `--write` it prints the ten largest
errors next to other libraries.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tfloss.report.catalogue import built_in
from tfloss.report.held_against import worst

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "plugins" / "tfloss_losses" / "held_against.json"
PATHS = ("tests/losses", "tests/peers/test_coverage.py")

Entry = dict[str, Any]


def kept() -> dict[str, list[Entry]]:
    """Entries by loss: against, test, value, gradient."""
    if not KEPT.exists():
        return {}
    found: dict[str, list[Entry]] = json.loads(KEPT.read_text(encoding="utf-8"))
    return found


def record(paths: Iterable[str]) -> tuple[int, dict[str, list[Entry]]]:
    """Run tests; pytest's exit code and what they compared."""
    import pytest

    from tests.peers.recording import Recorder

    recorder = Recorder()
    code = int(pytest.main(["-q", "--no-header", "-p", "no:cacheprovider", *paths], [recorder]))
    found: dict[tuple[str, str, tuple[str, ...]], dict[str, float]] = {}
    for one in recorder.found:
        errors = found.setdefault((one.loss, one.test, one.against), {})
        errors[one.kind] = max(errors.get(one.kind, 0.0), one.error)
    entries: dict[str, list[Entry]] = {}
    for (loss, test, against), errors in sorted(found.items()):
        rounded = {kind: float(f"{error:.2g}") for kind, error in sorted(errors.items())}
        entry = {"against": list(against), "test": test, **rounded}
        entries.setdefault(loss, []).append(entry)
    return code, entries


def merged(
    old: dict[str, list[Entry]], new: dict[str, list[Entry]], paths: Iterable[str]
) -> dict[str, list[Entry]]:
    """What was known, with everything of the tests that ran replaced by what they said."""
    paths = tuple(paths)
    found = {
        loss: [e for e in entries if not e["test"].startswith(paths) and is_there(e["test"])]
        for loss, entries in old.items()
    }
    for loss, entries in new.items():
        found.setdefault(loss, []).extend(entries)
    return {
        loss: sorted(entries, key=lambda e: (e["test"], e["against"]))
        for loss, entries in sorted(found.items())
        if entries
    }


def is_there(test: str) -> bool:
    """Whether a test of that path and name stands in the tree."""
    path, _, name = test.partition("::")
    file = ROOT / path
    return file.exists() and f"def {name}(" in file.read_text(encoding="utf-8")


def worst_table() -> list[str]:
    """The largest errors next to other libraries, as Markdown."""
    lines = ["| loss | library | of | relative error | test |", "| --- | --- | --- | --: | --- |"]
    rows = worst(built_in().values())
    return lines + [f"| `{a}` | {b} | {c} | {d:.2g} | `{e}` |" for a, b, c, d, e in rows]


def main() -> None:
    """Record, write, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.peers.closeness", description=__doc__)
    parser.add_argument("--write", action="store_true", help="run the tests and keep what they say")
    parser.add_argument("paths", nargs="*", default=list(PATHS))
    asked = parser.parse_args()
    if asked.write:
        code, new = record(asked.paths)
        found = merged(kept(), new, asked.paths)
        lines = [
            f'"{loss}": [\n' + ",\n".join(f"  {json.dumps(e)}" for e in entries) + "\n]"
            for loss, entries in found.items()
        ]
        KEPT.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
        if code:
            raise SystemExit(f"pytest left with {code}: of failing tests nothing is written.")
    print("\n".join(worst_table()))


if __name__ == "__main__":
    main()
