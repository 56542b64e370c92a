"""Time per step as the network, the batch, the formula and the teachers grow.

    python -m tests.benchmarks.growth [--quick] [--write]

With --write: tables in docs/benchmarks/growth.md, of which the site draws a chart.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from rich.console import Console
from rich.table import Table

from tests.benchmarks.engine import markdown_of, write_page

FEATURES, ROWS_IN_BATCHES = 100, 20
SIZES = {
    "depth": (1, 2, 4, 8, 16),
    "width": (16, 32, 64, 128, 256, 512),
    "batch": (8, 32, 128, 512, 2048),
    "terms": (1, 2, 4, 8, 16, 32, 64),
    "teachers": (1, 2, 4, 8),
}


def case(kind: str, size: int) -> dict[str, Any]:
    """Workload B (two layers of 256, batches of 256, one term), with one thing of another size."""
    values = {"depth": 2, "width": 256, "batch": 256, "terms": 1, "teachers": 0} | {kind: size}
    terms = ["bce", *(f"0.01*bce(label_smoothing={i / 1000})" for i in range(1, values["terms"]))]
    terms += [f"0.1*abs_kl(teacher=teacher{i})" for i in range(values["teachers"])]
    return values | {"formula": " + ".join(terms)}


def seconds_per_step(kind: str, size: int, seconds: float) -> float:
    """The least of five timings of a compiled loop, which others on the machine disturb least."""
    import keras

    from tfloss.data import Columns
    from tfloss.objective import Entry, Objective, Scope
    from tfloss.registry import load_registry
    from tfloss.student import wrap_model
    from tfloss.training.loop.in_memory import Engine
    from tfloss.training.loop.shuffling import BatchOrder
    from tfloss.training.program.batch import as_tensors
    from tfloss.training.program.forward import StudentLoss

    given = case(kind, size)
    rows = given["batch"] * ROWS_IN_BATCHES
    generator = np.random.default_rng(0)
    columns = {
        "inputs": generator.normal(size=(rows, FEATURES)).astype(np.float32),
        "labels": generator.integers(0, 2, size=(rows, 1)).astype(np.float32),
    }
    for number in range(given["teachers"]):
        answers = generator.uniform(0.1, 0.9, size=(rows, 1))
        columns[f"teacher{number}"] = answers.astype(np.float32)
    layers = [
        keras.layers.Dense(given["width"], activation="sigmoid") for _ in range(given["depth"])
    ]
    model = keras.Sequential([keras.Input((FEATURES,)), *layers, keras.layers.Dense(1)])
    student = wrap_model(model)
    outside = [Entry(n, "data", (None, 1), known_outside=True) for n in columns if n != "inputs"]
    objective = Objective(given["formula"], load_registry(), student.scope() | Scope(outside))
    engine = Engine(
        StudentLoss(student, objective),
        keras.optimizers.SGD(0.01),
        as_tensors(Columns(columns), objective.needs),
        batch_size=given["batch"],
        compile="xla",
    )
    # One shape, of which as many epochs are trained as the time allows.
    order = BatchOrder(rows, given["batch"]).epochs(0, 100)
    engine.run(order, 0, epochs=1)
    started = time.perf_counter()
    engine.run(order, 0, epochs=1)
    epochs = int(np.clip(seconds / (time.perf_counter() - started), 1, len(order)))
    timings = []
    for _ in range(5):
        started = time.perf_counter()
        engine.run(order, 0, epochs=epochs)
        timings.append((time.perf_counter() - started) / (epochs * ROWS_IN_BATCHES))
    return min(timings)


def measured(seconds: float, quick: bool) -> Iterator[tuple[str, list[tuple[int, float]]]]:
    for kind, sizes in SIZES.items():
        chosen = (sizes[0], sizes[-1]) if quick else sizes
        yield kind, [(size, seconds_per_step(kind, size, seconds)) for size in chosen]


def table_of(kind: str, points: list[tuple[int, float]]) -> Table:
    table = Table(title=f"Time per step against {kind}", title_justify="left")
    for column in (kind, "µs per step", "of the first", "per added one, of the first"):
        table.add_column(column, justify="right")
    smallest, first = points[0]
    for size, seconds in points:
        share = (seconds - first) / first / (size - smallest) if size > smallest else None
        more = "" if share is None else f"{share:+.2%}"
        table.add_row(str(size), f"{seconds * 1e6:,.1f}", f"{seconds / first:.2f}", more)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="of one timing")
    parser.add_argument("--quick", action="store_true", help="the ends only, 0.1 s each")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks/growth.md")
    options = parser.parse_args()
    curves = {}
    for kind, points in measured(0.1 if options.quick else options.seconds, options.quick):
        curves[kind] = points
        Console(width=100).print(table_of(kind, points))
    if options.write:
        parts = [markdown_of(table_of(kind, points)) for kind, points in curves.items()]
        command = f"python -m tests.benchmarks.growth --seconds {options.seconds:g} --write"
        print(write_page("growth", command, parts))


if __name__ == "__main__":
    main()
