"""tfloss beside its peers: steps per second on three workloads, taking turns.

    python -m tests.benchmarks.engine [--workloads A B C] [--rounds 7] [--times 2] [--write]

Every peer runs in a process of its own, so that no one's threads, flags or memory touch another's.
In each round every peer is timed once, one after the other; a ratio compares the two timings of one
round. From six rounds on the table gives the median's 95 % interval, from order statistics. Peers
that cannot be imported are left out. Where there is a GPU, everyone computes on it. Nothing else
should run on the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import quantile_test

from tests.benchmarks.workloads import FORMULA, WORKLOADS

ROOT = Path(__file__).parents[2]
TENSORFLOW, OTHERS = "tests.benchmarks.peers_tensorflow", "tests.benchmarks.peers_others"
SMALL_LOOPS = "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=200000"

_ROUNDS_FOR_INTERVAL = 6  # with fewer there is no 95 % interval for a median
_SHARED_GPU = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}


@dataclass(frozen=True)
class Peer:
    """Where a training is written, and on which workloads it is run."""

    title: str
    module: str
    function: str
    options: dict[str, object] = field(default_factory=dict)
    workloads: str = "ABC"
    flags: str = ""


PEERS = [
    Peer("tfloss.fit", TENSORFLOW, "tfloss_fit"),
    Peer("tfloss.fit_stream, of rows", TENSORFLOW, "tfloss_fit_stream"),
    Peer("tfloss.fit_stream, of batches", TENSORFLOW, "tfloss_fit_stream", {"whole": True}),
    Peer("tf.data alone, of rows", TENSORFLOW, "data_alone"),
    Peer("TensorFlow, whole loop in XLA by hand", TENSORFLOW, "xla_whole_loop"),
    Peer("the same, XLA's flags as they come", TENSORFLOW, "xla_whole_loop_default"),
    Peer("TensorFlow, tf.function step by hand", TENSORFLOW, "tf_function_step"),
    Peer("the same, jit_compile", TENSORFLOW, "tf_function_step", {"jit_compile": True}),
    Peer("Keras fit", TENSORFLOW, "keras_fit"),
    Peer("Keras fit, jit_compile", TENSORFLOW, "keras_fit", {"jit_compile": True}),
    Peer("Keras fit, 50 steps", TENSORFLOW, "keras_fit", {"steps_per_execution": 50}),
    Peer("Keras Distiller (MSE on logits)", TENSORFLOW, "keras_distiller"),
    Peer("TensorFlow 1 session", TENSORFLOW, "tf1_session"),
    Peer("JAX, lax.scan", OTHERS, "jax_scan"),
    Peer("the same, tfloss' flag for XLA", OTHERS, "jax_scan", workloads="A", flags=SMALL_LOOPS),
    Peer("PyTorch", OTHERS, "torch_eager"),
]


class Runner:
    """A peer's process."""

    def __init__(self, peer: Peer, workload: str, seconds: float, python: str) -> None:
        self.peer = peer
        flags = f"{os.environ.get('XLA_FLAGS', '')} {peer.flags}".strip()
        environment = os.environ | _SHARED_GPU | {"TF_CPP_MIN_LOG_LEVEL": "3", "XLA_FLAGS": flags}
        arguments = [peer.module, peer.function, json.dumps(peer.options), workload, str(seconds)]
        self._process = subprocess.Popen(
            [python, "-m", "tests.benchmarks.worker", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment,
        )
        self.rates: list[float] = []

    def problem(self) -> str:
        """Wait until it has warmed up; what kept it from that, or nothing."""
        if self._process.stdout.readline():
            return ""
        said = self._process.communicate()[1].strip().splitlines()
        return said[-1] if said else "it said nothing"

    def measure(self) -> None:
        """Time it once."""
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        self.rates.append(json.loads(self._process.stdout.readline())["rate"])

    def close(self) -> None:
        self._process.communicate()


def compare(
    workload: str,
    rounds: int,
    seconds: float,
    peers_python: str,
    only: list[str],
    peers: Sequence[Peer] = (),
    *,
    at_once: bool = False,
) -> list[Runner]:
    """The peers' rates on one workload; of all of them, or of those with a word of `only`.

    They warm up one after the other, or `at_once`, where there are cores for all.
    """
    chosen = [
        peer
        for peer in peers or PEERS
        if workload in peer.workloads
        and (not only or any(word in peer.title for word in ["tfloss.fit", *only]))
    ]

    def begun(peer: Peer) -> Runner:
        python = peers_python if peer.module == OTHERS else sys.executable
        return Runner(peer, workload, seconds, python)

    groups = [chosen] if at_once else [[peer] for peer in chosen]
    runners = [runner for group in groups for runner in _ready([begun(peer) for peer in group])]
    for _ in range(rounds):
        for runner in runners:
            runner.measure()
    for runner in runners:
        runner.close()
    return runners


def _ready(runners: list[Runner]) -> list[Runner]:
    """Those that have warmed up; of the others it is said why not."""
    problems = [runner.problem() for runner in runners]
    for runner, problem in zip(runners, problems, strict=True):
        if problem:
            print(f"left out: {runner.peer.title}: {problem}", file=sys.stderr)
    return [runner for runner, problem in zip(runners, problems, strict=True) if not problem]


def table_of(workload: str, runners: list[Runner], time: str = "") -> Table:
    job, rounds = WORKLOADS[workload], len(runners[0].rates)
    title = (
        f"{workload}: {job.shape}, batch {job.batch}, {FORMULA}, plain SGD{time}; {rounds} rounds, "
        f"ratios with {'95 % interval' if rounds >= _ROUNDS_FOR_INTERVAL else 'least and most'}"
    )
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for column in ("steps/s, median", "slowest", "fastest", "tfloss.fit is faster by"):
        table.add_column(column, justify="right")
    for row in rows_of(runners):
        table.add_row(*row)
    return table


def rows_of(runners: list[Runner]) -> list[list[str]]:
    """Title, median, slowest, fastest; and the ratio of the first to it."""
    rows = []
    for runner in runners:
        rates = np.array(runner.rates)
        ratio = np.array(runners[0].rates) / rates
        spread = f"{np.median(ratio):.2f} ({' to '.join(f'{x:.2f}' for x in _interval(ratio))})"
        figures = [f"{value:,.0f}" for value in (np.median(rates), rates.min(), rates.max())]
        rows.append([runner.peer.title, *figures, spread])
    return rows


def _interval(values: np.ndarray) -> tuple[float, float]:
    """The median's 95 % interval, without any assumption; the extremes where there are too few."""
    if len(values) < _ROUNDS_FOR_INTERVAL:
        return values.min(), values.max()
    return tuple(quantile_test(values, q=np.median(values), p=0.5).confidence_interval())


def markdown_of(table: Table) -> str:
    """A rich table as Markdown."""
    cells = [[column.header, *column.cells] for column in table.columns]
    lines = [" | ".join(str(cell) for cell in row) for row in zip(*cells, strict=True)]
    rule = " | ".join(["---"] + ["---:"] * (len(cells) - 1))
    return "\n".join(
        [f"**{table.title}**", "", *(f"| {x} |" for x in (lines[0], rule, *lines[1:]))]
    )


def machine() -> str:
    """What it computes with."""
    return ", ".join([f"{os.cpu_count()} CPU cores", *gpus()])


def gpus() -> list[str]:
    """Their names."""
    if shutil.which("nvidia-smi") is None:
        return []
    asked = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    names = subprocess.run(asked, capture_output=True, text=True).stdout.split("\n")
    return list(filter(None, names))


def versions_in(python: str, names: tuple[str, ...]) -> list[str]:
    """'jax 0.10.2', … of what is installed for an interpreter."""
    program = (
        "import importlib.metadata as m, sys\n"
        "known = {d.name.lower(): d.version for d in m.distributions()}\n"
        "print('\\n'.join(f'{n} {known[n]}' for n in sys.argv[1:] if n in known))"
    )
    done = subprocess.run([python, "-c", program, *names], capture_output=True, text=True)
    return done.stdout.split("\n")[:-1]


def write_page(name: str, command: str, parts: list[str], peers_python: str = "") -> Path:
    """A page of `docs/benchmarks/`, with the command that made it and the machine."""
    versions = versions_in(sys.executable, ("tensorflow", "keras", "numpy"))
    if peers_python:
        versions += versions_in(peers_python, ("jax", "torch"))
    head = f"Made by `{command}` on {machine()}; {', '.join(versions)}."
    path = ROOT / "docs" / "benchmarks" / f"{name}.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n\n".join([f"# Benchmark: {name}", head, *parts]) + "\n", encoding="utf-8")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--workloads", nargs="+", default=list(WORKLOADS), choices=list(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one timing")
    parser.add_argument(
        "--only", nargs="*", default=[], help="peers with these words in their name"
    )
    parser.add_argument("--at-once", action="store_true", help="peers warm up all at once")
    parser.add_argument("--times", type=int, default=1, help="do all of it so many times")
    parser.add_argument("--quick", action="store_true", help="2 rounds of 0.3 s: does it run?")
    parser.add_argument("--peers-python", default=sys.executable, help="has JAX and PyTorch")
    parser.add_argument("--write", action="store_true", help="write a page of docs/benchmarks/")
    options = parser.parse_args()
    rounds, seconds = (2, 0.3) if options.quick else (options.rounds, options.seconds)
    tables = []
    for number in range(1, options.times + 1):
        for workload in options.workloads:
            asked = (workload, rounds, seconds, options.peers_python, options.only)
            runners = compare(*asked, at_once=options.at_once)
            said = f" (time {number})" if options.times > 1 else ""
            tables.append(table_of(workload, runners, said))
            Console(width=120).print(tables[-1])
    if options.write:
        command = f"python -m tests.benchmarks.engine {shlex.join(_told(sys.argv[1:]))}"
        parts = [markdown_of(table) for table in tables]
        page = "engine_gpu" if gpus() else "engine"
        print(write_page(page, command, parts, options.peers_python))


def _told(arguments: list[str]) -> list[str]:
    """Without where an interpreter lies on this machine."""
    if "--peers-python" in arguments:
        at = arguments.index("--peers-python")
        return arguments[:at] + arguments[at + 2 :]
    return arguments


if __name__ == "__main__":
    main()
