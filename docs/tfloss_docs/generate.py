"""Writes every generated page and picture; in a process of its own, which alone imports TensorFlow.

PYTHONPATH=docs python -m tfloss_docs.generate [--no-pictures]
"""

from __future__ import annotations

import sys
from pathlib import Path

from tfloss_docs import (
    charts,
    command_reference,
    decision,
    losses,
    notebooks,
    peers,
    python_reference,
    tools,
)
from tfloss_docs.curves import curves_of_all
from tfloss_docs.files import Folder

DOCS = Path(__file__).parents[1]


def generate(docs: Path = DOCS, *, pictures: bool = True) -> None:
    """Write every generated page and picture under `docs`; what has not changed is left alone."""
    found = losses.built_in()
    drawn = curves_of_all(found, docs / "_build" / "curves") if pictures else {}
    choices = decision.choices(docs / "which_loss.md")
    with Folder(docs / "losses") as folder:
        losses.write(folder, found, drawn, peers.elsewhere(), choices)
    with Folder(docs / "coming_from") as folder:
        peers.write(folder, found)
    with Folder(docs / "reference") as folder:
        python_reference.write(folder)
        command_reference.write(folder)
    with Folder(docs / "generated") as folder:
        decision.write(folder, docs / "which_loss.md")
        charts.write(folder, docs / "benchmarks", drawn)
        notebooks.write(folder, docs / "guides")
        tools.write(folder, docs, found)


if __name__ == "__main__":
    generate(pictures="--no-pictures" not in sys.argv)
