"""Replicate-steps per second on the article's job: stacked, one at a time, Keras `fit`, JAX.

    python -m tests.benchmarks.replicates [--rounds 5] [--peers-python PYTHON] [--write]

The job: 30-10-10-1 sigmoid units, five rows in one batch, plain SGD, `bce + 0.1*abs_kl` with a
Gaussian process' answers, the value of every term recorded at every step. All are warmed up before
they are timed and take turns. Nothing is evaluated, but in the row that says so: three formulas as
`tfloss compare` trains them, the holdout evaluated twenty times, by programs that are compiled, as
in a search. A hand-written JAX program (vmap over replicates, scan over steps) takes part in a
process of its own where JAX is installed. A second table times `tfloss compare` from the fitted
teachers to the written page; there, a formula trains while the next ones are compiled.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from rich.console import Console
from rich.table import Table

import tfloss
from tests.benchmarks.article_job import WithTeacher
from tests.benchmarks.engine import ROOT, markdown_of, write_page
from tfloss.comparison import Comparison
from tfloss.comparison.comparison import default_evaluate_every
from tfloss.comparison.replicates.initial_weights import initial_weights
from tfloss.comparison.replicates.program import Replicates
from tfloss.comparison.replicates.seeds import prepare_seeds, student_of
from tfloss.comparison.replicates.shared_programs import ProgramCache
from tfloss.comparison.replicates.stacked_loss import WeightedLoss
from tfloss.comparison.replicates.stacking import stacked_columns
from tfloss.comparison.replicates.trainer import train_all
from tfloss.comparison.run import run_comparison
from tfloss.objective import Objective
from tfloss.report.html import html_page
from tfloss.training.config import Config
from tfloss.training.fit import fit
from tfloss.training.scope import full_scope

FORMULA, RATE = "bce + 0.1*abs_kl", 0.5
FORMULAS = ["bce", FORMULA, "bce + binary_kl"]
CONFIG = Config(
    formula=FORMULA, train_size=5, teacher=("gpc",), optimizer=f"sgd:learning_rate={RATE}"
)


def stacked(setups, weights, steps: int) -> Callable[[], float]:
    """All replicates in one program."""
    registry = tfloss.load_registry()
    student = student_of(CONFIG, setups[0].data, 0, registry)
    objective = Objective(
        FORMULA, registry, full_scope(student, setups[0].data, {"teacher": "gpc"})
    )
    forward = WeightedLoss(student, objective)
    columns = stacked_columns(setups, "train", objective.needs)
    program = Replicates(forward, keras.optimizers.SGD(RATE), columns, batch_size=5)
    program.start_from(weights)
    order = np.tile(np.arange(5, dtype=np.int32), (steps, len(setups), 1))
    program.train_chunk(order, 0, epochs=1)

    def run() -> float:
        started = time.perf_counter()
        program.train_chunk(order, 0)
        return steps * len(setups) / (time.perf_counter() - started)

    return run


def compared(setups, weights, steps: int) -> Callable[[], float]:
    """What `tfloss compare` trains, with the evaluations on the holdout."""
    config = CONFIG.changed(epochs=steps, evaluate_every=default_evaluate_every(steps))
    comparison, programs = Comparison.of(FORMULAS, config, seeds=len(setups)), ProgramCache()

    def run() -> float:
        trained = train_all(
            comparison, setups, tfloss.load_registry(),
            weights=list(weights), programs=programs, explain=False,
        )  # fmt: skip
        return trained.steps / trained.seconds["training"]

    run()
    return run


def alone(setups, steps: int) -> Callable[[], float]:
    """Two `tfloss.fit`, one after the other; a training builds and compiles its own."""

    def run() -> float:
        started = time.perf_counter()
        for setup in setups[:2]:
            fit(
                FORMULA, setup.data, teacher=setup.teachers, optimizer=CONFIG.optimizer,
                epochs=steps, seed=setup.seed, evaluate_every=steps,
            )  # fmt: skip
        return 2 * steps / (time.perf_counter() - started)

    return run


def with_keras(setup, steps: int) -> Callable[[], float]:
    """Keras `fit` with a training step of one's own."""
    student = student_of(CONFIG, setup.data, 0, tfloss.load_registry())
    model = WithTeacher(student.model)
    model.compile(optimizer=keras.optimizers.SGD(RATE))
    targets = (setup.data.train.labels, setup.teachers["teacher"].predictions_train)

    def run(epochs: int = steps) -> float:
        started = time.perf_counter()
        model.fit(setup.data.train.inputs, targets, batch_size=5, epochs=epochs, verbose=0)
        return epochs / (time.perf_counter() - started)

    run(2)
    return run


def with_jax(setups, weights, steps: int, python: str, folder: Path) -> Callable[[], float] | None:
    """The same by hand in JAX, in another process."""
    columns = stacked_columns(setups, "train", frozenset(["labels", "teacher"]))
    job = folder / "job.npz"
    np.savez(
        job, **columns.tensors, **{f"w{number}": values for number, values in enumerate(weights)}
    )
    process = subprocess.Popen(
        [python, "-m", "tests.benchmarks.replicates_jax", str(job), str(steps), str(RATE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
    )
    if process.stdout.readline().strip() != "ready":
        print("left out: JAX is not installed; see --peers-python", file=sys.stderr)
        return None

    def run() -> float:
        process.stdin.write("go\n")
        process.stdin.flush()
        return float(process.stdout.readline())

    return run


def whole_job(seeds: int, steps: int, folder: Path) -> Table:
    """The seconds of `tfloss compare` with three formulas, stage by stage."""
    formulas = FORMULAS
    config = CONFIG.changed(epochs=steps, evaluate_every=default_evaluate_every(steps))
    registry = tfloss.load_registry()
    teachers_done: list[float] = []
    result = run_comparison(
        Comparison.of(formulas, config, seeds=seeds),
        registry,
        folder,
        prepared=lambda: teachers_done.append(time.perf_counter()),
    )
    results, written = result.values, result.folder
    (written / "report.html").write_text(html_page(results), encoding="utf-8")
    whole = time.perf_counter() - teachers_done[0]
    seconds = {k: v for k, v in results["seconds"].items() if k not in ("data", "teachers")}
    title = f"tfloss compare, {len(formulas)} formulas, {seeds} seeds, {steps} steps: seconds"
    table = Table(title=title, title_justify="left")
    for column in ("", "s"):
        table.add_column(column, justify="right" if column else "left")
    for name, value in seconds.items():
        table.add_row(name, f"{value:.1f}")
    table.add_row("files and page", f"{whole - sum(seconds.values()):.1f}")
    table.add_row("all, after imports and teachers", f"{whole:.1f}")
    rate = results["replicate_steps"] / results["seconds"]["training"]
    table.add_row("replicate-steps/s, evaluations included", f"{rate:,.0f}")
    return table


def rates_of(options: argparse.Namespace, folder: Path) -> Table:
    """Every peer's rate, taking turns."""
    registry = tfloss.load_registry()
    setups, _ = prepare_seeds(CONFIG, range(options.seeds), registry)
    student = student_of(CONFIG, setups[0].data, 0, registry)
    weights = initial_weights(student, CONFIG, setups[0].data, range(options.seeds), registry)
    peers = {
        "stacked": stacked(setups, weights, options.steps),
        "compare, holdout evaluated": compared(setups, weights, options.steps),
        "tfloss.fit, one at a time": alone(setups, options.steps),
        "Keras fit": with_keras(setups[0], options.steps),
        "JAX by hand": with_jax(setups, weights, options.steps, options.peers_python, folder),
    }
    rates: dict[str, list[float]] = {name: [] for name, run in peers.items() if run is not None}
    for _ in range(options.rounds):
        for name in rates:
            rates[name].append(peers[name]())
    title = (
        f"Article's job, {options.seeds} seeds, {options.steps} steps: replicate-steps per second"
    )
    table = Table(title=title, title_justify="left")
    for column in ("", "median", "min", "max", "stacked is faster by"):
        table.add_column(column, justify="right" if column else "left")
    for name, values in rates.items():
        ratio = np.divide(rates["stacked"], values)
        figures = (f"{f(values):,.0f}" for f in (np.median, np.min, np.max))
        spread = f"{np.median(ratio):,.1f} ({ratio.min():,.1f} to {ratio.max():,.1f})"
        table.add_row(name, *figures, spread)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--peers-python", default=sys.executable, help="has JAX")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks/replicates.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tables = [
            whole_job(options.seeds, options.steps, Path(folder)),
            rates_of(options, Path(folder)),
        ]
    for table in tables:
        Console(width=110).print(table)
    if options.write:
        command = f"python -m tests.benchmarks.replicates --rounds {options.rounds}"
        print(write_page("replicates", command, [markdown_of(table) for table in tables]))


if __name__ == "__main__":
    main()
