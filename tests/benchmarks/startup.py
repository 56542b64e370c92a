"""How long commands take from start to end, each in a new process, taking turns.

    python -m tests.benchmarks.startup [--rounds 5] [--write]

The article's job: 30-10-10-1, five rows of breast_cancer, 200 steps. What `tfloss train` takes over
a bare `import tensorflow` is what the user waits for because of tfloss; the phases inside are told
too.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
from rich.console import Console
from rich.table import Table

from tests.benchmarks.engine import ROOT, markdown_of, write_page

_MAIN = "from tfloss.cli.main import main; main()"
_JOB = ["train", "--train-size", "5", "--batch-size", "5"]
_JOB += ["--epochs", "200", "--optimizer", "sgd:learning_rate=0.1", "--quiet"]

# The same training in Python, with the time of each part.
_PHASES = """
import time
marks = [("", time.perf_counter())]
def mark(name): marks.append((name, time.perf_counter()))
import tensorflow as tf
tf.config.list_logical_devices(); mark("import tensorflow")
import keras; keras.layers.Dense; mark("import keras")
import tfloss
registry = tfloss.load_registry(); mark("plugins")
data = tfloss.load_data("breast_cancer", registry=registry, train_size=5)
mark("data, importing scikit-learn")
from tfloss.teachers import fit_teachers
teachers = fit_teachers("gpc", data, registry); mark("teacher")
result = tfloss.fit("bce + 0.1*abs_kl", data, teacher=teachers, epochs=200, batch_size=5,
                    optimizer="sgd:learning_rate=0.1", registry=registry)
mark("fit: trace, train, evaluate, score")
for (_, before), (name, after) in zip(marks, marks[1:]):
    print(f"{name}\\t{after - before}")
"""


def commands(runs: str) -> dict[str, list[str]]:
    python = sys.executable
    job = [python, "-c", _MAIN, *_JOB, "--runs", runs]
    return {
        "python -c pass": [python, "-c", "pass"],
        "tfloss --help": [python, "-c", _MAIN, "--help"],
        "tfloss losses": [python, "-c", _MAIN, "losses"],
        "import tensorflow": [python, "-c", "import tensorflow"],
        "tfloss train, bce alone": [*job, "--loss", "bce"],
        "tfloss train, article's job": [*job, "--loss", "bce + 0.1*abs_kl", "--teacher", "gpc"],
    }


def seconds(command: list[str]) -> tuple[float, str]:
    """How long it took, and what it printed."""
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)
    elapsed = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"{command[3:]} failed:\n{done.stderr}")
    return elapsed, done.stdout


def totals(rounds: int) -> Table:
    table = Table(title="From start to end, seconds", title_justify="left")
    table.add_column("")
    for column in ("median", "least", "most", "over import tensorflow"):
        table.add_column(column, justify="right")
    with tempfile.TemporaryDirectory() as runs:
        known = commands(runs)
        taken: dict[str, list[float]] = {name: [] for name in known}
        for number in range(rounds + 1):
            for name, command in known.items():
                elapsed, _ = seconds(command)
                if number:  # the first round fills the file cache
                    taken[name].append(elapsed)
    bare = np.array(taken["import tensorflow"])
    for name, values in taken.items():
        times = np.array(values)
        over = f"{np.median(times - bare):+.2f}" if "train" in name else ""
        figures = [f"{f(times):.2f}" for f in (np.median, np.min, np.max)]
        table.add_row(name, *figures, over)
    return table


def phases(rounds: int) -> Table:
    table = Table(title="Inside of the article's job, seconds", title_justify="left")
    table.add_column("")
    table.add_column("median", justify="right")
    parts: dict[str, list[float]] = {}
    for _ in range(rounds):
        for line in seconds([sys.executable, "-c", _PHASES])[1].splitlines():
            name, _, value = line.partition("\t")
            parts.setdefault(name, []).append(float(value))
    for name, values in parts.items():
        table.add_row(name, f"{np.median(values):.2f}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks/startup.md")
    options = parser.parse_args()
    tables = [totals(options.rounds), phases(options.rounds)]
    for table in tables:
        Console(width=100).print(table)
    if options.write:
        command = f"python -m tests.benchmarks.startup --rounds {options.rounds} --write"
        print(write_page("startup", command, [markdown_of(table) for table in tables]))


if __name__ == "__main__":
    main()
