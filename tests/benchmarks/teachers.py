"""What teachers can do, what out-of-fold answers are worth, and what asking costs.

    python -m tests.benchmarks.teachers [table] [folds] [forest] [cache] [--seeds 8] [--rows 200000]
        [--flip 0.0] [--epochs 100]

table   every classifier of scikit-learn in five situations of labels
folds   five teachers on the breast-cancer data: on own rows, out of fold, on the holdout; and a
        student that learns from either kind of answer, over several seeds; with --flip, a share of
        the labels that train is wrong
forest  a forest asked about many rows: in chunks beside plain `predict_proba`, with peak memory
cache   a teacher's answers the first time, and from the cache

Each is printed as a table; without a name, all of them. Times are medians of rounds in which the
contestants take turns, since other work may share the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from tfloss.data import PreparedData, load_dataset, prepare
from tfloss.errors import TflossError
from tfloss.registry import load_registry
from tfloss.teachers import fit_teachers

REGISTRY = load_registry()
CONSOLE = Console(width=None if sys.stdout.isatty() else 110)
TEACHERS = ("rf", "gpc", "hgb", "knn", "lr")
FORMULA = "bce + binary_kl"
HALF = 0.5
FEATURES, TREES = 20, 100


def grid(title: str, *columns: str) -> Grid:
    """A table whose first column stands left, the others right."""
    made = Grid(title=title, title_justify="left")
    for number, column in enumerate(columns):
        made.add_column(column, justify="left" if number == 0 else "right", overflow="fold")
    return made


# -- every estimator -------------------------------------------------------------------------------


def table(options: argparse.Namespace) -> None:
    """Every classifier of scikit-learn: works, calibrated, or refused with the reason."""
    from tests.teachers.test_all_classifiers import ALL, SITUATIONS, _data, _text

    names = list(SITUATIONS)
    made = grid(f"{len(ALL)} classifiers of scikit-learn as teachers", "teacher", *names)
    reasons: dict[str, str] = {}
    for name in sorted(ALL):
        made.add_row(
            escape(_text(name)), *(_verdict(_text(name), case, _data, reasons) for case in names)
        )
    CONSOLE.print(made)
    for reason, mark in reasons.items():
        CONSOLE.print(f"{mark}  {reason}", markup=False, highlight=False)


def _verdict(text: str, situation: str, data_of: Any, reasons: dict[str, str]) -> str:
    """'works', 'calibrated', or 'refused' with the number of its reason."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            teacher = fit_teachers(text, data_of(situation), REGISTRY)["teacher"]
    except TflossError as error:
        kind = text.partition(":")[0]
        reason = str(error).replace(f"'{text}'", "'NAME'").replace(f"({kind}) ", "")
        return f"refused {reasons.setdefault(reason, f'[{len(reasons) + 1}]')}".replace("[", r"\[")
    calibrated = any("calibrated" in note for note in teacher.notes)
    return "calibrated" if calibrated else "works"


# -- out of fold -----------------------------------------------------------------------------------


def folds(options: argparse.Namespace) -> None:
    """Own rows, out of fold, holdout; and the student that learns from either."""
    with tempfile.TemporaryDirectory() as kept:
        halves = [_half(seed, options.flip) for seed in range(options.seeds)]
        CONSOLE.print(_trust(halves, kept))
        CONSOLE.print(_students(halves, options.epochs, kept))


def _trust(halves: list[PreparedData], kept: str) -> Grid:
    made = grid(
        f"breast_cancer, half of it trains, mean of {len(halves)} splits: accuracy / log-loss",
        *("teacher", "own rows", "out of fold", "holdout"),
    )
    for name in TEACHERS:
        teachers = [
            fit_teachers(name, half, REGISTRY, seed=seed, fit="cross", cache=kept)["teacher"]
            for seed, half in enumerate(halves)
        ]
        cells = []
        for side in ("own rows", "out of fold", "holdout"):
            means = [
                np.mean([teacher.scores[side][metric] for teacher in teachers])
                for metric in ("accuracy", "log_loss")
            ]
            cells.append("{:.3f} / {:.3f}".format(*means))
        made.add_row(name, *cells)
    return made


def _half(seed: int, flip: float) -> PreparedData:
    """Half of the rows train, a share of them under the wrong label; the holdout has its own."""
    half = prepare(load_dataset("breast_cancer", REGISTRY), train_fraction=HALF, seed=seed)
    wrong = np.random.default_rng(seed).random(len(half.train)) < flip
    codes = np.where(wrong, 1 - half.train.codes, half.train.codes)
    columns = half.train.values | {"labels": codes[:, None].astype(np.float32)}
    return replace(half, train=replace(half.train, values=columns, codes=codes))


def _students(halves: list[PreparedData], epochs: int, kept: str) -> Grid:
    made = grid(
        f"Student mlp:10,10, {FORMULA}, {epochs} epochs, {len(halves)} seeds: holdout log-loss",
        *("teacher", "--teacher-fit train", "cross", "gain, mean and 95 % interval"),
    )

    def losses(formula: str, teacher: Any, how: str) -> np.ndarray:
        return np.array(
            [
                _student(formula, seed, half, teacher, how, epochs, kept)
                for seed, half in enumerate(halves)
            ]
        )

    made.add_row("none (bce)", f"{losses('bce', (), 'auto').mean():.4f}", "", "")
    for name in TEACHERS:
        found = {how: losses(FORMULA, name, how) for how in ("train", "cross")}
        gain = found["train"] - found["cross"]
        made.add_row(
            name,
            f"{found['train'].mean():.4f}",
            f"{found['cross'].mean():.4f}",
            f"{gain.mean():+.4f} ± {_half_width(gain):.4f}",
        )
    return made


def _student(
    formula: str,
    seed: int,
    half: PreparedData,
    teacher: Any,
    how: str,
    epochs: int,
    kept: str,
) -> float:
    """The holdout's log-loss of one student."""
    import tfloss

    result = tfloss.fit(
        formula,
        half,
        teacher=teacher,
        teacher_fit=how,
        cache=kept,
        compile="graph",
        epochs=epochs,
        evaluate_every=epochs,
        seed=seed,
    )
    return result.scores["student on holdout"]["log_loss"]


def _half_width(values: np.ndarray) -> float:
    """Of the 95 % interval of a mean, by Student's t."""
    from scipy.stats import t

    return float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))


# -- many rows -------------------------------------------------------------------------------------

WAYS = {
    "predict_proba": "predict_proba on all rows",
    "chunks": "tfloss, --n-jobs 1",
    "chunks2": "tfloss, --n-jobs 2",
    "predict_proba2": "predict_proba, n_jobs=2",
}


def forest(options: argparse.Namespace) -> None:
    """Each way in a process of its own, so that its peak memory is its own; they take turns."""
    measured: dict[str, list[list[float]]] = {way: [] for way in WAYS}
    for _ in range(options.rounds):
        for way in WAYS:
            command = [sys.executable, "-m", __spec__.name, "--way", way, "--rows", options.rows]
            said = subprocess.run(
                [str(part) for part in command], capture_output=True, text=True, check=True
            ).stdout.split()
            measured[way].append([float(figure) for figure in said[-3:]])
    made = grid(
        f"A forest of {TREES} trees asked about {options.rows:,} rows of {FEATURES} features, "
        f"median of {options.rounds}",
        *("way", "seconds", "rows/s", "processor seconds", "beside plain", "memory on top, MiB"),
    )
    middle = {
        way: [statistics.median(column) for column in zip(*rounds, strict=True)]
        for way, rounds in measured.items()
    }
    plain = middle["predict_proba"][1]
    for way, (seconds, processor, memory) in middle.items():
        rate, ratio = f"{options.rows / seconds:,.0f}", f"{processor / plain:.2f} x"
        made.add_row(WAYS[way], f"{seconds:.2f}", rate, f"{processor:.2f}", ratio, f"{memory:.0f}")
    CONSOLE.print(made)


def one_way(way: str, rows: int) -> None:
    """Print seconds, processor seconds, and by how many MiB the peak memory rose."""
    from sklearn.ensemble import RandomForestClassifier

    from tfloss.teachers import fit_classifier

    random = np.random.default_rng(0)
    few = random.normal(size=(5000, FEATURES))
    codes = (few[:, :3].sum(axis=1) + random.normal(size=len(few)) > 0).astype(int)
    inputs = random.standard_normal(size=(rows, FEATURES), dtype=np.float32)
    teacher = fit_classifier(RandomForestClassifier(TREES, random_state=0), few, codes, classes=2)
    teacher.predict(inputs[:100])
    before, worked, started = _peak(), time.process_time(), time.perf_counter()
    if way.startswith("chunks"):
        teacher.predict(inputs, n_jobs=2 if way.endswith("2") else 1)
    else:
        teacher.estimator.n_jobs = 2 if way.endswith("2") else None
        teacher.estimator.predict_proba(inputs)
    print(time.perf_counter() - started, time.process_time() - worked, _peak() - before)


def _peak() -> float:
    """The highest resident memory of this process so far, in MiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


# -- the cache -------------------------------------------------------------------------------------


def cache(options: argparse.Namespace) -> None:
    """Fitted, asked out of fold and kept; then read."""
    made = grid(
        f"Five-fold answers, median of {options.rounds}",
        *("data and teacher", "computed, s", "from the cache, s", "file, KiB"),
    )
    for dataset, teacher in (("breast_cancer", "rf"), ("breast_cancer", "gpc"), ("digits", "rf")):
        data = prepare(load_dataset(dataset, REGISTRY))
        first, again, size = [], [], 0
        for _ in range(options.rounds):
            with tempfile.TemporaryDirectory() as folder:
                first.append(_seconds(teacher, data, folder))
                again.append(_seconds(teacher, data, folder))
                size = sum(path.stat().st_size for path in Path(folder).iterdir())
        medians = [f"{statistics.median(times):.3f}" for times in (first, again)]
        made.add_row(f"{dataset}, {teacher}", *medians, f"{size / 1024:.0f}")
    CONSOLE.print(made)


def _seconds(teacher: str, data: PreparedData, folder: str) -> float:
    started = time.perf_counter()
    fit_teachers(teacher, data, REGISTRY, cache=folder)
    return time.perf_counter() - started


def main() -> None:
    """Read the options and print what was asked for."""
    every = {"table": table, "folds": folds, "forest": forest, "cache": cache}
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", nargs="*", choices=[*every, []], metavar="|".join(every))
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--flip", type=float, default=0.0)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        one_way(options.way, options.rows)
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with contextlib.suppress(KeyboardInterrupt):
        for name in options.what or every:
            every[name](options)


if __name__ == "__main__":
    main()
