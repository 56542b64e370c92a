"""A model of one's own: `tfloss.fit`, Keras' `fit` of the attached model, and plain Keras.

    python -m tests.benchmarks.attached [--workloads A B] [--rounds 3] [--seconds 1] [--write]

Every row runs in a process of its own, and in each round every row is timed once, in turn; a ratio
compares two timings of one round. Nothing else should run on the machine.
"""

from __future__ import annotations

import argparse
import sys

from rich.console import Console

from tests.benchmarks.engine import (
    TENSORFLOW,
    Peer,
    compare,
    markdown_of,
    table_of,
    write_page,
)

ATTACHED = "tests.benchmarks.peers_attached"
PEERS = [
    Peer("tfloss.fit", ATTACHED, "fast_fit"),
    Peer("tfloss.fit, EarlyStopping", ATTACHED, "fast_fit", {"watched": "epochs"}),
    Peer("tfloss.fit, a callback on batches", ATTACHED, "fast_fit", {"watched": "batches"}),
    Peer("model.fit, attached", ATTACHED, "attached_fit"),
    Peer("model.fit, attached, 50 steps", ATTACHED, "attached_fit", {"steps_per_execution": 50}),
    Peer("plain Keras fit", TENSORFLOW, "keras_fit"),
    Peer("plain Keras fit, 50 steps", TENSORFLOW, "keras_fit", {"steps_per_execution": 50}),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--workloads", nargs="+", default=["A", "B"], choices=["A", "B", "C"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one timing")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks/keras.md")
    options = parser.parse_args()
    tables = []
    for workload in options.workloads:
        timed = compare(workload, options.rounds, options.seconds, sys.executable, [], peers=PEERS)
        tables.append(table_of(workload, timed))
        Console(width=120).print(tables[-1])
    if options.write:
        command = f"python -m tests.benchmarks.attached --rounds {options.rounds}"
        command += f" --seconds {options.seconds:g}"
        print(write_page("keras", command, [markdown_of(table) for table in tables]))


if __name__ == "__main__":
    main()
