"""Replicate-steps per second on the article's job: stacked, one at a time, and Keras `fit`.

    python -m tests.benchmarks.replicates [--rounds 3] [--seeds 200] [--steps 200]

The job: 30-10-10-1 sigmoid units, five rows in one batch, plain SGD, `bce + 0.1*abs_kl` with a
Gaussian process' answers, the value of every term recorded at every step. All are warmed up before
they are timed and take turns; nothing looks at the holdout. A hand-written JAX program (vmap over
replicates, scan over steps) takes part where JAX is installed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import keras
import numpy as np
from rich.console import Console
from rich.table import Table

import tfloss
from tests.benchmarks.article_job import WithTeacher
from tfloss.compare.replicates import Replicates
from tfloss.compare.stacking import stacked_columns
from tfloss.compare.worlds import initial_weights, make_worlds, student_of
from tfloss.objective import Objective
from tfloss.training.config import Config
from tfloss.training.fit import fit
from tfloss.training.measure import Measure
from tfloss.training.scopes import full_scope

FORMULA, RATE = "bce + 0.1*abs_kl", 0.5
CONFIG = Config(loss=FORMULA, train_size=5, teacher=("gpc",), optimizer=f"sgd:learning_rate={RATE}")


def stacked(worlds, weights, steps: int) -> Callable[[], float]:
    """All replicates in one program."""
    registry = tfloss.load_registry()
    student = student_of(CONFIG, worlds[0].data, 0, registry)
    objective = Objective(
        FORMULA, registry, full_scope(student, worlds[0].data, {"teacher": "gpc"})
    )
    measure = Measure(student, objective)
    columns = stacked_columns(worlds, "train", objective.needs)
    program = Replicates(measure, keras.optimizers.SGD(RATE), weights, columns, batch_size=5)
    order = np.tile(np.arange(5, dtype=np.int32), (steps, len(worlds), 1))
    program.run(order, 0, epochs=1)

    def run() -> float:
        started = time.perf_counter()
        program.run(order, 0)
        return steps * len(worlds) / (time.perf_counter() - started)

    return run


def alone(worlds, steps: int) -> Callable[[], float]:
    """One `tfloss.fit` after the other, five of them; a training builds and compiles its own."""

    def run() -> float:
        started = time.perf_counter()
        for world in worlds[:5]:
            fit(
                FORMULA, world.data, teacher=world.teachers, optimizer=CONFIG.optimizer,
                epochs=steps, seed=world.seed, evaluate_every=steps,
            )  # fmt: skip
        return 5 * steps / (time.perf_counter() - started)

    return run


def with_keras(world, steps: int) -> Callable[[], float]:
    """Keras `fit` with a training step of one's own."""
    student = student_of(CONFIG, world.data, 0, tfloss.load_registry())
    model = WithTeacher(student.model)
    model.compile(optimizer=keras.optimizers.SGD(RATE))
    targets = (world.data.train.labels, world.teachers["teacher"].answers_train)

    def run(epochs: int = steps) -> float:
        started = time.perf_counter()
        model.fit(world.data.train.inputs, targets, batch_size=5, epochs=epochs, verbose=0)
        return epochs / (time.perf_counter() - started)

    run(2)
    return run


def with_jax(worlds, weights, steps: int) -> Callable[[], float] | None:
    """The same by hand in JAX."""
    try:
        import jax
        import jax.numpy as jnp
    except ImportError:
        return None
    columns = stacked_columns(worlds, "train", frozenset(["labels", "teacher"]))

    def loss(weights, x, y, q):
        h = jax.nn.sigmoid(x @ weights[0] + weights[1])
        h = jax.nn.sigmoid(h @ weights[2] + weights[3])
        z = h @ weights[4] + weights[5]
        bce = jnp.mean(jnp.maximum(z, 0) - z * y + jnp.log1p(jnp.exp(-jnp.abs(z))))
        kl = 0.1 * jnp.abs(jnp.sum(jax.nn.sigmoid(z) * (jax.nn.log_sigmoid(z) - jnp.log(q))))
        return bce + kl, (bce, kl)

    def one(weights, x, y, q):
        def step(weights, _):
            gradients, terms = jax.grad(loss, has_aux=True)(weights, x, y, q)
            return [w - RATE * g for w, g in zip(weights, gradients, strict=True)], terms

        return jax.lax.scan(step, weights, None, length=steps)

    program = jax.jit(jax.vmap(one))
    arguments = (weights, columns["inputs"], columns["labels"], columns["teacher"])
    jax.block_until_ready(program(*arguments))

    def run() -> float:
        started = time.perf_counter()
        jax.block_until_ready(program(*arguments))
        return steps * len(worlds) / (time.perf_counter() - started)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args()
    registry = tfloss.load_registry()
    worlds, _ = make_worlds(CONFIG, range(options.seeds), registry)
    student = student_of(CONFIG, worlds[0].data, 0, registry)
    weights = initial_weights(student, CONFIG, worlds[0].data, range(options.seeds), registry)
    peers = {
        "stacked": stacked(worlds, weights, options.steps),
        "tfloss.fit, one at a time": alone(worlds, options.steps),
        "Keras fit": with_keras(worlds[0], options.steps),
        "JAX by hand": with_jax(worlds, weights, options.steps),
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
        ratio = np.median(np.divide(rates["stacked"], values))
        figures = (f"{f(values):,.0f}" for f in (np.median, np.min, np.max))
        table.add_row(name, *figures, f"{ratio:,.1f}x")
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
