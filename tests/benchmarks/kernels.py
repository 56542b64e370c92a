"""Where the time of a compiled step goes, kernel by kernel, by TensorFlow's own profiler.

    python -m tests.benchmarks.kernels [--workload B] [--epochs 40] [--rounds 5] [--write]

`tfloss.fit` beside the whole loop in XLA by hand, in turn, each time in a new process; medians. A
kernel may keep all cores busy or one; it counts for as long as it ran. Nothing is told of A, whose
step is a single function.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from tests.benchmarks.engine import markdown_of, write_page
from tests.benchmarks.processes import output_of
from tests.benchmarks.workloads import WORKLOADS

_PEERS = {"tfloss.fit": "tfloss_fit", "by hand": "xla_whole_loop"}
_KERNEL = re.compile(r"[\w-]+\.\d+|wrapped_[\w-]+|[\w-]*_fusion")  # as XLA names them
_KINDS = {
    "matrix products": re.compile("matmul|dot", re.IGNORECASE),
    "loops, which contain others": re.compile("while|call|cond"),
    "rows of the batch": re.compile("gather|slice"),
    "copies": re.compile("copy|transpose"),
}
_REST = "element by element, and sums"


def microseconds(function: str, workload: str, epochs: int) -> Counter[str]:
    """Of a step, by kind of kernel; in this process."""
    import tensorflow as tf

    from tests.benchmarks import peers_tensorflow

    job = WORKLOADS[workload]
    train = getattr(peers_tensorflow, function)(job)
    train(epochs)
    with tempfile.TemporaryDirectory() as folder:
        options = tf.profiler.experimental.ProfilerOptions(host_tracer_level=3)
        with tf.profiler.experimental.Profile(folder, options):
            train(epochs)
        spent, often = _events(next(Path(folder).rglob("*.xplane.pb")))
    in_steps = [name for name in spent if often[name] >= epochs * job.steps_per_epoch]
    steps = np.median([often[name] for name in in_steps])
    found: Counter[str] = Counter()
    for name in in_steps:
        if _KERNEL.fullmatch(name):
            kind = next((kind for kind, words in _KINDS.items() if words.search(name)), _REST)
            found[kind] += spent[name] / steps
    return found


def _events(path: Path) -> tuple[Counter[str], Counter[str]]:
    """Microseconds and how often, by the event's name."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace()
    space.ParseFromString(path.read_bytes())
    spent: Counter[str] = Counter()
    often: Counter[str] = Counter()
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                name = plane.event_metadata[event.metadata_id].name
                spent[name] += event.duration_ps / 1e6
                often[name] += 1
    return spent, often


def in_a_new_process(function: str, workload: str, epochs: int) -> dict[str, float]:
    asked = ("--one", function, "--workload", workload, "--epochs", str(epochs))
    printed = output_of("-m", __spec__.name, *asked)
    lines = (line.split("\t") for line in printed.splitlines() if "\t" in line)
    return {kind: float(value) for kind, value in lines}


def measured(workload: str, epochs: int, rounds: int) -> Table:
    job = WORKLOADS[workload]
    title = f"{workload}: {job.shape}, batch {job.batch}: microseconds of a step, {rounds} rounds"
    table = Table(title=title, title_justify="left")
    for column in ("", *_PEERS):
        table.add_column(column, justify="right" if column else "left")
    spent: dict[str, list[dict[str, float]]] = {name: [] for name in _PEERS}
    for _ in range(rounds):
        for name, function in _PEERS.items():
            spent[name].append(in_a_new_process(function, workload, epochs))
    for kind in [*_KINDS, _REST]:
        medians = [np.median([one.get(kind, 0) for one in all_]) for all_ in spent.values()]
        if any(medians):
            table.add_row(kind, *(f"{value:,.0f}" for value in medians))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--workload", default="B", choices=["B", "C"])
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true", help="write a page of docs/benchmarks/")
    options = parser.parse_args()
    if options.one:
        for kind, value in microseconds(options.one, options.workload, options.epochs).items():
            print(f"{kind}\t{value}")
        return
    table = measured(options.workload, options.epochs, options.rounds)
    Console(width=100).print(table)
    if options.write:
        command = f"python -m tests.benchmarks.kernels --workload {options.workload} --write"
        print(write_page("kernels", command, [markdown_of(table)]))


if __name__ == "__main__":
    main()
