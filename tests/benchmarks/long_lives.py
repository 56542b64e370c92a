"""Memory of a process that trains again and again: by each door, one training after the other.

    python -m tests.benchmarks.long_lives [--trainings 200] [--only fit attach …] [--write]

Each door is a process of its own. Memory is looked at after every training, and its slope after the
fifth is that of least squares, with twice its standard error; next to it how many Python objects
and programs of TensorFlow (FuncGraph) are there at the end that were not there after the fifth.
"""

from __future__ import annotations

import argparse
import gc
import json
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from tests.benchmarks.engine import markdown_of, write_page
from tests.benchmarks.processes import output_of
from tests.reliability.long_run import resident

_SETTLED = 5  # trainings, after which caches are full
X = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)


def fit(number: int) -> None:
    import tfloss

    data = tfloss.load_data((X, Y), seed=number)
    tfloss.fit("bce + 0.1*l2", data, "mlp:4", epochs=3, seed=number)


def by_xla(number: int) -> None:
    """Compiled by XLA, as long trainings are."""
    import tfloss

    data = tfloss.load_data((X, Y), seed=number)
    tfloss.fit("bce + 0.1*l2", data, "mlp:4", epochs=3, seed=number, compile="xla")


def own_model(number: int) -> None:
    """A model of one's own, made again for each, which keeps its programs as long as it lives."""
    import tfloss

    data = tfloss.load_data((X, Y), seed=number)
    tfloss.fit("bce + 0.1*l2('*/kernel')", data, network(), epochs=3, seed=number, compile="graph")


def attach(number: int) -> None:
    import tfloss

    del number
    model = tfloss.attach(network(), "bce + 0.1*l2('*/kernel')")
    model.compile("adam")
    model.fit(X, Y, epochs=3, verbose=0)


def fit_model(number: int) -> None:
    import tfloss

    del number
    tfloss.fit_model(network(), (X, Y), "bce", epochs=3, compile="graph")


def fit_stream(number: int) -> None:
    import tensorflow as tf

    import tfloss

    rows = {"inputs": X, "labels": Y[:, None].astype(np.float32)}
    data = tf.data.Dataset.from_tensor_slices(rows).batch(32)
    tfloss.fit_stream("bce", data, "mlp:4", steps_per_epoch=2, epochs=2, seed=number)


def estimator(number: int) -> None:
    from tfloss.sklearn import DistilledClassifier

    DistilledClassifier("bce", hidden=(4,), epochs=3, random_state=number).fit(X, Y)


def compare(number: int) -> None:
    import tfloss

    tfloss.compare(["bce", "mse"], (X, Y), seeds=2 + number % 2, epochs=3)


def teacher(number: int) -> None:
    import tfloss

    data = tfloss.load_data((X, Y), seed=number)
    tfloss.fit("bce + kl", data, "mlp:4", teacher="lr", epochs=3, seed=number)


DOORS: dict[str, Callable[[int], None]] = {
    "fit": fit,
    "fit, by XLA": by_xla,
    "fit, own model": own_model,
    "fit, a teacher": teacher,
    "attach": attach,
    "fit_model": fit_model,
    "fit_stream": fit_stream,
    "estimator": estimator,
    "compare": compare,
}


def network() -> Any:
    import keras

    layers = [keras.layers.Dense(4, "relu"), keras.layers.Dense(1)]
    return keras.Sequential([keras.Input((4,)), *layers])


def graphs() -> int:
    """Programs of TensorFlow that are alive."""
    from tensorflow.python.framework.func_graph import FuncGraph

    return sum(isinstance(thing, FuncGraph) for thing in gc.get_objects())


def lives(door: Callable[[int], None], trainings: int) -> dict[str, Any]:
    """Bytes in memory after each training, and what is left over at the end."""
    seen, counts = [], {}
    for number in range(trainings):
        door(number)
        gc.collect()
        seen.append(resident())
        if number + 1 in (_SETTLED, trainings):
            counts[number + 1] = len(gc.get_objects()), graphs()
    before, after = counts[_SETTLED], counts[trainings]
    return {
        "memory": seen,
        "objects": after[0] - before[0],
        "graphs": after[1] - before[1],
    }


def slope_of(memory: list[float]) -> tuple[float, float]:
    """Bytes per training after the fifth, and twice the standard error."""
    later = np.array(memory[_SETTLED:], float)
    (slope, _), covariance = np.polyfit(np.arange(len(later)), later, 1, cov=True)
    return float(slope), 2 * float(np.sqrt(covariance[0, 0]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trainings", type=int, default=200)
    parser.add_argument("--only", nargs="+", default=list(DOORS), choices=list(DOORS))
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks/long_lives.md")
    parser.add_argument("--one", choices=list(DOORS), help="in this process")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(lives(DOORS[options.one], options.trainings)), flush=True)
        return
    title = f"{options.trainings} trainings one after the other in one process"
    table = Table(title=title, title_justify="left")
    columns = ("door", "MB after 5", "MB at the end", "kB per training", "± 2 errors")
    for column in (*columns, "objects left", "programs left"):
        table.add_column(column, justify="right")
    for name in options.only:
        module = "tests.benchmarks.long_lives"
        said = output_of("-m", module, "--one", name, "--trainings", str(options.trainings))
        found = json.loads(said.splitlines()[-1])
        slope, error = slope_of(found["memory"])
        table.add_row(
            name,
            f"{found['memory'][_SETTLED - 1] / 1e6:,.0f}",
            f"{found['memory'][-1] / 1e6:,.0f}",
            f"{slope / 1e3:,.1f}",
            f"{error / 1e3:,.1f}",
            f"{found['objects']:+,}",
            f"{found['graphs']:+,}",
        )
    Console(width=100).print(table)
    if options.write:
        command = f"python -m tests.benchmarks.long_lives --trainings {options.trainings} --write"
        print(write_page("long_lives", command, [markdown_of(table)]))


if __name__ == "__main__":
    main()
