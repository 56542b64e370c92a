"""What spreading a step over replicas costs and gains on one machine; prints a table.

    python -m tests.benchmarks.distributed [--workloads B C] [--rounds 7] [--seconds 1] [--write]

Processes that stay up train the same formula and network: one on one core, one on two, two workers
of one core each (MultiWorkerMirroredStrategy on loopback), and one process of two logical devices
(MirroredStrategy). In each round every one is timed once, in turn; a ratio compares two timings of
the same round, and the table has the median with the smallest and the largest. Two workers on one
machine share its memory and say nothing about a network.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.engine import markdown_of, write_page
from tests.benchmarks.workloads import FORMULA, LEARNING_RATE, WORKLOADS
from tests.distributed.processes import Processes, cluster

HERE = "tests.benchmarks.distributed"
ALONE = "one process, one core"


class _Clock:
    """Notes when each chunk of epochs has ended."""

    def __init__(self) -> None:
        self.times: list[tuple[int, float]] = []

    def __call__(self, history: Any) -> None:
        self.times.append((history.latest.number, time.perf_counter()))


def steps_per_second(strategy: Any, workload: str, epochs: int, small: bool = False) -> float:
    """From the end of the first chunk to the end of the last.

    Args:
        strategy: or None.
        workload: 'B', 'C'.
        epochs: so many, or more where these are one chunk.
        small: one hidden unit instead: then a step is what it costs to exchange anything at all.
    """
    import numpy as np

    import tfloss
    from tfloss.data import Classes, Columns, PreparedData

    chosen = WORKLOADS[workload]
    columns = chosen.columns()
    train = {name: values[: chosen.rows] for name, values in columns.items()}
    held = {name: values[chosen.rows :] for name, values in columns.items()}
    parts = [Columns(part, codes=part["labels"][:, 0].astype(np.int64)) for part in (train, held)]
    classes = Classes(np.arange(2), ("0", "1"))
    names = tuple(f"x{n}" for n in range(chosen.features))
    data = PreparedData(parts[0], parts[1], "classification", classes, names, None)
    while True:  # until there are chunks to time
        clock = _Clock()
        tfloss.fit(
            FORMULA,
            data,
            f"mlp:{'1' if small else ','.join(map(str, chosen.hidden))}",
            optimizer=f"sgd:learning_rate={LEARNING_RATE}",
            batch_size=chosen.batch,
            epochs=epochs,
            compile="graph",
            on_progress=clock,
            strategy=strategy,
        )
        if len(clock.times) > 2:
            break
        epochs *= 2
    (first, began), (last, ended) = clock.times[0], clock.times[-1]
    return (last - first) * chosen.steps_per_epoch / (ended - began)


def peers() -> dict[str, tuple[Processes, int | None]]:
    """Each with the number of devices that its strategy mirrors."""
    workers = cluster(2)
    for number, environment in enumerate(workers):
        environment["TFLOSS_TEST_CORES"] = str(number)
    return {
        ALONE: (Processes([{"TFLOSS_TEST_CORES": "0"}], devices=1), None),
        "one process, two cores": (Processes([{"TFLOSS_TEST_CORES": "0,1"}], devices=1), None),
        "two workers of one core": (Processes(workers), None),
        "two logical devices, two cores": (
            Processes([{"TFLOSS_TEST_CORES": "0,1"}], devices=2),
            2,
        ),
    }


def measured(workloads: list[str], rounds: int, seconds: float) -> Table:
    table = Table(title="Replicas on one machine, steps per second", title_justify="left")
    for column in ("workload", "who", "steps/s", f"next to {ALONE}", "from", "to"):
        table.add_column(column, justify="left" if column in ("workload", "who") else "right")
    everybody = peers()
    try:
        for workload, small in [*((w, False) for w in workloads), (workloads[0], True)]:
            found = _timed(everybody, workload, small, rounds, seconds)
            for who, speeds in found.items():
                ratios = [own / one for own, one in zip(speeds, found[ALONE], strict=True)]
                figures = statistics.median(ratios), min(ratios), max(ratios)
                name = f"{workload}, one unit" if small else workload
                table.add_row(
                    name, who, f"{statistics.median(speeds):,.0f}", *(f"{n:.2f}" for n in figures)
                )
    finally:
        for processes, _ in everybody.values():
            processes.__exit__()
    return table


def _timed(
    everybody: dict[str, tuple[Processes, int | None]],
    workload: str,
    small: bool,
    rounds: int,
    seconds: float,
) -> dict[str, list[float]]:
    """The speeds of each in every round; the first round, not counted, says how many epochs."""

    def speed(who: str, epochs: int) -> float:
        processes, replicas = everybody[who]
        answers = processes.ask(
            f"{HERE}:steps_per_second",
            replicas=replicas,
            limit=600,
            workload=workload,
            epochs=epochs,
            small=small,
        )
        return min(answers)

    steps = WORKLOADS[workload].steps_per_epoch
    epochs = {who: max(10, int(speed(who, 20) * seconds / steps)) for who in everybody}
    found: dict[str, list[float]] = {who: [] for who in everybody}
    for _ in range(rounds):
        for who, speeds in found.items():
            speeds.append(speed(who, epochs[who]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--workloads", nargs="+", default=["B", "C"], choices=sorted(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks/")
    options = parser.parse_args()
    if (os.cpu_count() or 1) < 2:
        parser.error("this needs two cores")
    table = measured(options.workloads, options.rounds, options.seconds)
    Console(width=110).print(table)
    if options.write:
        command = "python -m tests.benchmarks.distributed --write"
        print(write_page("distributed", command, [markdown_of(table)]))


if __name__ == "__main__":
    main()
