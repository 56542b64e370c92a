"""Five tables with the shapes of public sets, and what is done with each from file to export.

    python -m tests.runs.whole_jobs [JOB …]

runs them at full size and prints the table of docs/data.md. Numbers and text are made up; rows,
columns, kinds of columns, gaps and classes are those of the set that a job names.
"""

from __future__ import annotations

import csv
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Table = dict[str, Any]


def _titanic(rows: int, random: np.random.Generator) -> Table:
    """Numbers with gaps, text of few and of many values, a name, and a column mostly empty."""
    sex = random.choice(["female", "male"], rows, p=[0.36, 0.64])
    pclass = random.choice([1, 2, 3], rows, p=[0.25, 0.21, 0.54])
    age = np.round(random.gamma(5, 6, rows), 1)
    odds = 2.5 * (sex == "female") - 0.9 * (pclass - 2) - 0.02 * age + random.normal(0, 0.7, rows)
    cabin = [f"{random.choice(list('ABCDE'))}{n}" for n in range(rows)]
    return {
        "pclass": pclass,
        "name": [f"Passenger, No. {n}" for n in range(rows)],
        "sex": sex,
        "age": _gaps(age, 0.2, random),
        "sibsp": random.poisson(0.5, rows),
        "parch": random.poisson(0.4, rows),
        "ticket": [f"PC {n}" for n in random.integers(1000, 10 * rows + 1000, rows)],
        "fare": np.round(random.lognormal(3, 1, rows) / pclass, 4),
        "cabin": _gaps(cabin, 0.77, random),
        "embarked": _gaps(random.choice(["S", "C", "Q"], rows, p=[0.7, 0.2, 0.1]), 0.01, random),
        "survived": np.where(odds > 0.4, "yes", "no"),
    }


def _letters(rows: int, random: np.random.Generator) -> Table:
    """Sixteen whole numbers from 0 to 15, and 26 classes of text."""
    centres = random.uniform(2, 13, (26, 16))
    letters = random.integers(0, 26, rows)
    values = np.clip(np.round(centres[letters] + random.normal(0, 1.6, (rows, 16))), 0, 15)
    columns: Table = {f"x{n}": values[:, n].astype(int) for n in range(16)}
    return {**columns, "letter": [chr(65 + code) for code in letters]}


def _genes(columns: int) -> Callable[[int, np.random.Generator], Table]:
    """Few rows with very many numbers, of which a few tell."""

    def made(rows: int, random: np.random.Generator) -> Table:
        kind = random.random(rows) < 0.35
        values = random.normal(0, 1, (rows, columns))
        values[:, :30] += 1.5 * kind[:, None]
        table: Table = {f"gene{n}": np.round(100 * values[:, n], 1) for n in range(columns)}
        return {**table, "kind": np.where(kind, "AML", "ALL")}

    return made


def _covertype(rows: int, random: np.random.Generator) -> Table:
    """Ten numbers and 44 columns of 0 and 1, seven classes that are whole numbers."""
    numbers = random.normal(0, 1, (rows, 10))
    area, soil = random.integers(0, 4, rows), random.integers(0, 40, rows)
    score = np.stack([numbers @ random.normal(0, 1, 10) for _ in range(7)], axis=1)
    score[:, 0] += 2 * (area == 0)
    score[:, 1] += 2 * (soil < 12)
    cover = (score + random.gumbel(0, 0.5, score.shape)).argmax(axis=1) + 1
    table: Table = {f"n{n}": np.round(1000 * numbers[:, n]).astype(int) for n in range(10)}
    table |= {f"area{n}": (area == n).astype(int) for n in range(4)}
    table |= {f"soil{n}": (soil == n).astype(int) for n in range(40)}
    return {**table, "cover": cover}


def _bikes(rows: int, random: np.random.Generator) -> Table:
    """Dates, whole numbers and shares; the target is a count."""
    hour, day = np.arange(rows) % 24, np.datetime64("2011-01-01") + np.arange(rows) // 24
    temp, humidity = random.uniform(0, 1, rows), random.uniform(0.2, 1, rows)
    holiday = random.random(rows) < 0.03
    peak = np.exp(-((hour - 17.5) ** 2) / 18) + 0.6 * np.exp(-((hour - 8) ** 2) / 4)
    mean = np.exp(3 + 1.6 * peak + 1.2 * temp - 0.8 * humidity - 0.5 * holiday)
    return {
        "dteday": day.astype(str),
        "hr": hour,
        "holiday": np.where(holiday, "true", "false"),
        "weekday": (np.arange(rows) // 24) % 7,
        "weathersit": random.choice([1, 2, 3, 4], rows, p=[0.66, 0.26, 0.07, 0.01]),
        "temp": np.round(temp, 2),
        "hum": np.round(humidity, 2),
        "windspeed": np.round(random.gamma(2, 0.1, rows), 4),
        "rush": np.round(peak, 3),
        "cnt": random.poisson(mean),
    }


def _gaps(values: Any, share: float, random: np.random.Generator) -> list[Any]:
    return ["" if random.random() < share else value for value in values]


EVERY = ("keras", "savedmodel", "onnx", "litert")


@dataclass(frozen=True)
class Job:
    """A table, and how it is trained on.

    Attributes:
        like: the public set whose shape it has.
        made: its columns, for so many rows.
        target: the column that is predicted.
        options: further ones of `tfloss train`.
        small, full: rows.
        formats: in which the student can leave with its preprocessing.
        once: the one that is tried at the small size.
        full_made: other columns at full size.
    """

    like: str
    made: Callable[[int, np.random.Generator], Table]
    target: str
    options: tuple[str, ...]
    small: int
    full: int
    formats: tuple[str, ...] = EVERY
    once: str = "keras"
    full_made: Callable[[int, np.random.Generator], Table] | None = None

    def write(self, path: Path, full: bool) -> None:
        """The table as a CSV file, with a column `id` in front."""
        made = self.full_made if full and self.full_made else self.made
        rows = self.full if full else self.small
        table = made(rows, np.random.default_rng(0))
        columns = {"id": [f"row-{n}" for n in range(rows)], **table}
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))


JOBS = {
    "mixed": Job(
        "Titanic",
        _titanic,
        "survived",
        ("--loss", "bce", "--epochs", "40", "--optimizer", "adam:learning_rate=0.01"),
        *(240, 1309),
        formats=("keras", "savedmodel"),
        once="savedmodel",
    ),
    "letters": Job(
        "Letter Recognition",
        _letters,
        "letter",
        (
            *("--loss", "ce", "--model", "mlp:32,32,activation=relu", "--epochs", "30"),
            *("--optimizer", "adam:learning_rate=0.005"),
        ),
        *(1500, 20_000),
        once="onnx",
    ),
    "wide": Job(
        "Golub's leukaemia, 7,129 genes",
        _genes(300),
        "kind",
        ("--loss", "bce + 1e-3*l2", "--epochs", "30"),
        *(72, 72),
        once="litert",
        full_made=_genes(7129),
    ),
    "long": Job(
        "Covertype",
        _covertype,
        "cover",
        (
            *("--loss", "ce", "--model", "mlp:32,activation=relu", "--epochs", "4"),
            *("--batch-size", "256", "--optimizer", "adam:learning_rate=0.01"),
        ),
        *(6000, 581_012),
    ),
    "counts": Job(
        "Bike Sharing, by the hour",
        _bikes,
        "cnt",
        ("--loss", "poisson", "--model", "mlp:16,16,activation=relu", "--epochs", "40"),
        *(600, 17_379),
        once="onnx",
    ),
}


# -- without tfloss: nothing below may import it ---------------------------------------------------


def ask(format: str, path: Path, rows: Path, features: Sequence[str]) -> np.ndarray:
    """What an exported student answers for the rows of a CSV file, by the format's own runtime."""
    with rows.open(newline="") as file:
        table = list(csv.DictReader(file))
    columns = {name: [row[name] for row in table] for name in features}
    text = {name for name, cells in columns.items() if not _are_numbers(cells)}
    if not text:
        matrix = np.array([_numbers(columns[name]) for name in features], np.float32).T
        return _ASK[format](path, matrix)
    import tensorflow as tf

    named = {
        name: tf.constant([[cell] for cell in cells])
        if name in text
        else tf.constant(_numbers(cells)[:, None], tf.float32)
        for name, cells in columns.items()
    }
    return _ASK[format](path, named)


def _are_numbers(cells: Sequence[str]) -> bool:
    try:
        _numbers(cells)
    except ValueError:
        return False
    return True


def _numbers(cells: Sequence[str]) -> np.ndarray:
    """Numbers, days since 1970, true and false as 1 and 0; NaN for an empty cell."""
    return np.array([_number(cell) for cell in cells], np.float64)


def _number(cell: str) -> float:
    if cell in ("true", "false"):
        return float(cell == "true")
    if len(cell) == 10 and cell[4] == cell[7] == "-":
        return float((np.datetime64(cell, "D") - np.datetime64(0, "D")).astype(int))
    return float(cell or "nan")


def _ask_keras(path: Path, inputs: Any) -> np.ndarray:
    import keras

    return np.asarray(keras.models.load_model(path)(inputs))


def _ask_savedmodel(path: Path, inputs: Any) -> np.ndarray:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    return loaded.serve(inputs).numpy()


def _ask_onnx(path: Path, inputs: np.ndarray) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path))
    return session.run(None, {session.get_inputs()[0].name: inputs})[0]


def _ask_litert(path: Path, inputs: np.ndarray) -> np.ndarray:
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(model_path=str(path))
    place = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(place, inputs.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(place, inputs)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


_ASK: Mapping[str, Callable[[Path, Any], np.ndarray]] = {
    "keras": _ask_keras,
    "savedmodel": _ask_savedmodel,
    "onnx": _ask_onnx,
    "litert": _ask_litert,
}


# -- at full size ----------------------------------------------------------------------------------


def main(names: Sequence[str]) -> None:
    """Run jobs at full size, and print a row for each."""
    print("| shape | rows, features | figure on the holdout | training | left as, largest error |")
    print("| --- | --- | --- | --- | --- |")
    for name in names or JOBS:
        with tempfile.TemporaryDirectory() as folder:
            print(_row(name, Path(folder)), flush=True)


def _row(name: str, folder: Path) -> str:
    from tests.runs.test_whole_jobs import carried_out

    job, started = JOBS[name], time.perf_counter()
    done = carried_out(name, folder, full=True, formats=job.formats)
    said = done.result["scores"]["student on holdout"]
    metric = "r2" if "r2" in said else "accuracy"
    label = {"r2": "R²", "accuracy": "accuracy"}[metric]
    errors = ", ".join(f"`{format}` {error:.0e}" for format, error in done.errors.items())
    seconds = time.perf_counter() - started
    return (
        f"| {job.like} | {job.full:,}, {len(done.features):,} | {label} {said[metric]:.3f} | "
        f"{done.result['seconds']['training']:.0f} s of {seconds:.0f} | {errors} |"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
