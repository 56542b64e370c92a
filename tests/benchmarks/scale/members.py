"""What grows: each member does its work at one size, in named parts.

A member is a function of its size and of `Phases`; it names the bytes of its data, if there are
many, in `facts["data"]`, with which memory is compared.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tests.benchmarks.scale.phases import Phases

COLUMNS = 2_000
_AT_ONCE = 2**13  # rows that are made at once, so that making them needs no memory of its own


class Member(NamedTuple):
    """One thing that grows.

    Attributes:
        run: does the work.
        unit: what its size counts.
        small, full: sizes; each is measured with half of it.
    """

    run: Callable[[int, Phases], None]
    unit: str
    small: int
    full: int


def matrix(rows: int, columns: int = COLUMNS) -> np.ndarray:
    """(rows, columns) float32."""
    random = np.random.default_rng(0)
    made = np.empty((rows, columns), np.float32)
    for at in range(0, rows, _AT_ONCE):
        block = made[at : at + _AT_ONCE]
        random.standard_normal(dtype=np.float32, out=block)
    return made


def two_classes(x: np.ndarray) -> np.ndarray:
    """(n,) 0 or 1, by the first column."""
    return (x[:, 0] > 0).astype(np.int64)


def imported() -> Any:
    """tfloss, with TensorFlow and a program compiled: neither belongs to a part."""
    import tfloss

    x = matrix(64, 4)
    data = tfloss.load_data((x, two_classes(x)))
    tfloss.fit("bce", data, "mlp:2", epochs=1, compile="graph")
    return tfloss


OPTIONS: dict[str, Any] = {"epochs": 1, "batch_size": 1024, "compile": "graph"}


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def finish(result: Any, phases: Phases) -> None:
    """The run's folder and its page."""
    from tfloss.registry import load_registry
    from tfloss.report.run import run_description, write_run_report
    from tfloss.runs.folder import write_run
    from tfloss.training.config import Config

    with folder() as runs:
        with phases("run's folder"):
            config = Config(formula=result.objective.text, data="data")
            also = run_description(result, 1024)
            run = write_run(runs, config, result, also=also)
        with phases("page"):
            page = write_run_report(run, load_registry())
        phases.facts["page"] = page.stat().st_size
        phases.facts["folder"] = sum(file.stat().st_size for file in run.iterdir())


def in_memory(rows: int, phases: Phases, columns: int = COLUMNS) -> None:
    """`tfloss.fit` on float32 arrays, to its folder and page."""
    tfloss = imported()
    x = matrix(rows, columns)
    phases.facts["data"] = x.nbytes
    with phases("load_data"):
        data = tfloss.load_data((x, two_classes(x)))
    with phases("fit"):
        result = tfloss.fit("bce", data, "mlp:16", **OPTIONS)
    with phases("predict"):
        result.predict(x)
    finish(result, phases)


def wide(columns: int, phases: Phases) -> None:
    """The same of more columns."""
    in_memory(10_000, phases, columns)


def float64(rows: int, phases: Phases) -> None:
    """The same on float64 with a gap in every hundredth cell, which are filled."""
    tfloss = imported()
    x = matrix(rows).astype(np.float64)
    y = two_classes(x)
    x[np.random.default_rng(1).random(x.shape) < 0.01] = np.nan
    phases.facts["data"] = x.nbytes
    with phases("load_data"):
        data = tfloss.load_data((x, y))
    with phases("fit"):
        tfloss.fit("bce", data, "mlp:16", **OPTIONS)


def frame(rows: int, phases: Phases) -> None:
    """A data frame of pandas."""
    import pandas

    tfloss = imported()
    x = matrix(rows)
    y = two_classes(x)
    table = pandas.DataFrame(x.astype(np.float64), columns=[f"x{n}" for n in range(COLUMNS)])
    del x
    phases.facts["data"] = table.size * 8
    with phases("load_data"):
        data = tfloss.load_data((table, y))
    with phases("fit"):
        tfloss.fit("bce", data, "mlp:16", **OPTIONS)


def checkpointed(rows: int, phases: Phases) -> None:
    """With a checkpoint, early stopping and a teacher of one's own, who sees unscaled rows."""
    from sklearn.linear_model import SGDClassifier

    tfloss = imported()
    x = matrix(rows)
    phases.facts["data"] = x.nbytes
    data = tfloss.load_data((x, two_classes(x)))
    with phases("fit, a checkpoint"), folder() as kept:
        tfloss.fit("bce", data, "mlp:16", checkpoint=kept, **OPTIONS)
    with phases("fit, early stopping"):
        tfloss.fit("bce", data, "mlp:16", early_stopping=True, **OPTIONS)
    with phases("fit, a teacher"):
        teacher = SGDClassifier(loss="log_loss", max_iter=2, tol=None)
        tfloss.fit("bce + kl", data, "mlp:16", teacher=teacher, teacher_fit="train", **OPTIONS)


def network() -> Any:
    import keras

    layers = [keras.layers.Dense(16, "relu"), keras.layers.Dense(1)]
    return keras.Sequential([keras.Input((COLUMNS,)), *layers])


def keras_doors(rows: int, phases: Phases) -> None:
    """`fit_model`, an attached model's `fit`, and Keras' own for comparison."""
    tfloss = imported()
    x = matrix(rows)
    y = two_classes(x)
    phases.facts["data"] = x.nbytes
    with phases("fit_model"):
        tfloss.fit_model(network(), (x, y), "bce", batch_size=1024, validation_split=0.1)
    plain = {"batch_size": 1024, "validation_split": 0.1, "verbose": 0}
    with phases("attach().fit"):
        model = tfloss.attach(network(), "bce")
        model.compile("adam")
        model.fit(x, y, **plain)
    with phases("Keras' fit"):
        import keras

        model = network()
        model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
        model.fit(x, y, **plain)


def estimator(rows: int, phases: Phases) -> None:
    """`DistilledClassifier`."""
    imported()
    from tfloss.sklearn import DistilledClassifier

    x = matrix(rows)
    phases.facts["data"] = x.nbytes
    model = DistilledClassifier("bce", hidden=(16,), **OPTIONS)
    with phases("fit"):
        model.fit(x, two_classes(x))
    with phases("predict_proba"):
        model.predict_proba(x)


def seeds(count: int, phases: Phases) -> None:
    """`tfloss.compare` of so many seeds on 20,000 rows of 100 columns, a split for each."""
    tfloss = imported()
    x = matrix(20_000, 100)
    phases.facts["data"] = x.nbytes * count
    with phases("compare"):
        tfloss.compare(["bce", "mse"], (x, two_classes(x)), seeds=count, epochs=1, batch_size=1024)


def stream(rows: int, phases: Phases) -> None:
    """`fit_stream` over batches of arrays in memory."""
    import tensorflow as tf

    tfloss = imported()

    def batches() -> Any:
        for at in range(0, rows, 1024):
            x = matrix(1024)
            yield {"inputs": x, "labels": two_classes(x)[:, None].astype(np.float32), "at": at}

    spec = {
        "inputs": tf.TensorSpec((None, COLUMNS)),
        "labels": tf.TensorSpec((None, 1)),
        "at": tf.TensorSpec((), tf.int32),
    }
    data = tf.data.Dataset.from_generator(batches, output_signature=spec)
    data = data.map(lambda batch: {name: batch[name] for name in ("inputs", "labels")})
    phases.facts["data"] = rows * COLUMNS * 4
    with phases("fit_stream"):
        tfloss.fit_stream("bce", data, "mlp:16", steps_per_epoch=rows // 1024, batch_size=1024)


def classes(count: int, phases: Phases) -> None:
    """So many classes, with 20 rows each of 20 columns."""
    tfloss = imported()
    codes = np.repeat(np.arange(count), 20)
    x = matrix(len(codes), 20) + codes[:, None] % 7
    names = np.array([f"class {n}" for n in range(count)])
    with phases("load_data"):
        data = tfloss.load_data((x, names[codes]))
    with phases("fit"):
        result = tfloss.fit("ce", data, "mlp:16", **OPTIONS)
    finish(result, phases)


def formula_of(terms: int, beside: str = "c") -> str:
    """`mse(probs,c0)+mse(probs,c1)+…`."""
    return "+".join(["bce", *(f"mse(probs,{beside}{n})" for n in range(terms - 1))])


def terms(count: int, phases: Phases) -> None:
    """A formula of so many terms, each with a column of its own."""
    tfloss = imported()
    x = matrix(2_000, 20)
    columns = {f"c{n}": (x[:, n % 20] > 0.1 * n / count).astype(float) for n in range(count)}
    data = tfloss.load_data(tfloss.Table(x, two_classes(x), columns=columns))
    formula = formula_of(count)
    with phases("bind"):
        tfloss.bind(formula, data)
    with phases("fit"):
        result = tfloss.fit(formula, data, "mlp:16", **OPTIONS)
    with phases("500 epochs more"):
        tfloss.fit(formula, data, "mlp:16", **{**OPTIONS, "epochs": 501})
    with phases("fit, compiled by XLA"):
        tfloss.fit(formula, data, "mlp:16", **{**OPTIONS, "compile": "xla"})
    with phases("attach().fit"):
        student = tfloss.fit("bce", data, "mlp:16", **OPTIONS).student.model
        model = tfloss.attach(student, formula, columns=list(columns))
        model.compile("adam")
        given = {name: values[:, None].astype(np.float32) for name, values in columns.items()}
        model.fit({"inputs": x, **given}, two_classes(x), batch_size=500, verbose=0)
    finish(result, phases)


def watched(count: int, phases: Phases) -> None:
    """The gradients of so many terms watched: a norm for each, a cosine for every two."""
    tfloss = imported()
    x = matrix(2_000, 20)
    columns = {f"c{n}": (x[:, n % 20] > 0.1 * n / count).astype(float) for n in range(count)}
    data = tfloss.load_data(tfloss.Table(x, two_classes(x), columns=columns))
    with phases("fit, watching gradients"):
        tfloss.fit(formula_of(count), data, "mlp:16", watch="gradients", **OPTIONS)


def teachers(count: int, phases: Phases) -> None:
    """So many teachers, fitted out of fold and cached, and a term for each."""
    tfloss = imported()
    x = matrix(2_000, 20)
    data = tfloss.load_data((x, two_classes(x)))
    formula = "+".join(["bce", *(f"kl(teacher=t{n})" for n in range(count))])
    named = [f"t{n}=lr:C={1 + n}" for n in range(count)]
    with folder() as cache:
        with phases("fit"):
            result = tfloss.fit(formula, data, "mlp:16", teacher=named, cache=cache, **OPTIONS)
        with phases("fit, from the cache"):
            tfloss.fit(formula, data, "mlp:16", teacher=named, cache=cache, **OPTIONS)
    finish(result, phases)


def epochs(count: int, phases: Phases) -> None:
    """So many epochs of 8 rows, with checkpoints."""
    tfloss = imported()
    x = matrix(8, 2)
    data = tfloss.load_data((x, two_classes(x)), stratify=False, train_size=8)
    options = {**OPTIONS, "epochs": count, "compile": "xla"}
    with folder() as kept:
        with phases("fit"):
            result = tfloss.fit("bce + l2", data, "mlp:2", checkpoint=kept, **options)
        phases.facts["checkpoint"] = max(f.stat().st_size for f in kept.glob("step-*.npz"))
        with phases("resume"):
            tfloss.fit("bce + l2", data, "mlp:2", checkpoint=kept, resume=True, **options)
    finish(result, phases)


def runs(count: int, phases: Phases) -> None:
    """A folder of so many runs: each read, all on one page, one more, a comparison more."""
    import shutil

    tfloss = imported()
    from tfloss.io.atomic import new_folder, remove_leftovers, whole_folder
    from tfloss.registry import load_registry
    from tfloss.report.html import html_page
    from tfloss.report.run import run_description, run_results
    from tfloss.runs.folder import write_run
    from tfloss.training.config import Config

    x = matrix(60, 4)
    data = tfloss.load_data((x, two_classes(x)))
    result = tfloss.fit("bce", data, "mlp:2", **{**OPTIONS, "epochs": 5})
    with folder() as kept:
        first = write_run(
            kept, Config("bce", data="data"), result, also=run_description(result, 32)
        )
        with phases("a folder for each"):
            made = [new_folder(kept, "data") for _ in range(count - 1)]
        for path in made:
            shutil.copytree(first, path, dirs_exist_ok=True)
        with phases("leftovers looked for"):
            remove_leftovers(kept)
        with phases("a comparison's folder"), whole_folder(kept, "compare"):
            pass
        with phases("each read"):
            read = [tfloss.read_run(path) for path in (first, *made)]
        with phases("one page of all"):
            page = html_page(run_results(read, load_registry()))
        phases.facts["page"] = len(page)


MEMBERS: dict[str, Member] = {
    "rows": Member(in_memory, "rows of 2,000 columns", 20_000, 1_000_000),
    "columns": Member(wide, "columns of 10,000 rows", 2_000, 20_000),
    "gaps": Member(float64, "rows of 2,000 columns", 20_000, 500_000),
    "frame": Member(frame, "rows of 2,000 columns", 20_000, 500_000),
    "options": Member(checkpointed, "rows of 2,000 columns", 20_000, 1_000_000),
    "keras": Member(keras_doors, "rows of 2,000 columns", 20_000, 1_000_000),
    "estimator": Member(estimator, "rows of 2,000 columns", 20_000, 1_000_000),
    "stream": Member(stream, "rows of 2,000 columns", 20_480, 1_000_000),
    "seeds": Member(seeds, "seeds", 8, 100),
    "classes": Member(classes, "classes", 200, 1_000),
    "terms": Member(terms, "terms", 50, 200),
    "watched": Member(watched, "terms", 16, 60),
    "teachers": Member(teachers, "teachers", 10, 30),
    "runs": Member(runs, "runs", 500, 5_000),
    "epochs": Member(epochs, "epochs", 10_000, 100_000),
}
