"""Every Keras example beside its plain version: what it reaches, its length, how long it takes.

    python -m tests.benchmarks.examples [NAME …] [--write]

Each runs in a process of its own. Lines are counted without empty ones.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
TITLES = {
    "vae": "Variational autoencoder",
    "siamese": "Siamese network",
    "critic": "GAN's discriminator with gradient penalty",
    "pinn": "PINN for a harmonic oscillator",
    "unet": "U-Net with deep supervision",
    "retrieval": "Two-tower retrieval",
    "transformer": "Transformer distilled layer by layer",
}
MARK = "<!-- figures -->"


class Ran(NamedTuple):
    """What an example printed, its lines, and its seconds."""

    said: str
    lines: int
    seconds: float


def lines_of(path: Path) -> int:
    """The lines that are not empty."""
    return sum(bool(line.strip()) for line in path.read_text(encoding="utf-8").splitlines())


def run(path: Path) -> Ran:
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, path.name],
        cwd=path.parent,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Ran(done.stdout.strip(), lines_of(path), time.perf_counter() - started)


def rows(names: list[str]) -> list[str]:
    """Markdown, a row for each example."""
    made = ["| example | reaches | plain Keras reaches | lines | plain |", "|---|---|---|--:|--:|"]
    for name in names:
        ours, plain = run(EXAMPLES / f"{name}.py"), run(EXAMPLES / "plain_keras" / f"{name}.py")
        print(
            f"{name}: {ours.said} ({ours.seconds:.0f} s; plain {plain.seconds:.0f} s)", flush=True
        )
        same = "the same" if ours.said == plain.said else plain.said
        links = f"[{ours.lines}]({name}.py) | [{plain.lines}](plain_keras/{name}.py)"
        made.append(f"| {TITLES[name]} | {ours.said} | {same} | {links} |")
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", default=list(TITLES))
    parser.add_argument("--write", action="store_true", help="into docs/examples/README.md")
    options = parser.parse_args()
    table = "\n".join(rows(options.names))
    print(table)
    if options.write:
        page = EXAMPLES / "README.md"
        head, _, tail = page.read_text(encoding="utf-8").partition(MARK)
        _, _, tail = tail.partition(MARK)
        page.write_text(f"{head}{MARK}\n{table}\n{MARK}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
