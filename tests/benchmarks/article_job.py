"""Steps per second on the article's job, tfloss beside Keras `fit`, in one process, taking turns.

    python -m tests.benchmarks.article_job [--rounds 5] [--epochs 300]

The job: 30-10-10-1 sigmoid units on the breast-cancer data, 512 rows in batches of 5, plain SGD,
the loss `bce + 0.1*abs_kl` with a precomputed teacher column, the value of every term recorded each
epoch. Both are warmed up before they are timed; no holdout is evaluated on either side.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table

import tfloss
from tfloss.data import Columns
from tfloss.objective import Objective
from tfloss.student import make_student
from tfloss.training.loop.array_source import ArraySource
from tfloss.training.loop.callbacks import Callbacks
from tfloss.training.loop.in_memory import Engine
from tfloss.training.loop.shuffling import BatchOrder
from tfloss.training.loop.train_loop import train
from tfloss.training.program.batch import as_tensors
from tfloss.training.program.forward import StudentLoss
from tfloss.training.scope import full_scope

BATCH, RATE = 5, 0.1


class WithTeacher(keras.Model):
    """The same loss as a training step of one's own, as in the README."""

    def __init__(self, student: keras.Model) -> None:
        super().__init__()
        self.student = student
        self.trackers = [keras.metrics.Mean(name=name) for name in ("loss", "bce", "abs_kl")]

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return self.trackers

    def train_step(self, batch):
        inputs, (labels, teacher) = batch
        with tf.GradientTape() as tape:
            logits = self.student(inputs, training=True)
            bce = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))
            log_ratio = tf.math.log_sigmoid(logits) - tf.math.log(teacher)
            abs_kl = 0.1 * tf.abs(tf.reduce_sum(tf.sigmoid(logits) * log_ratio))
            total = bce + abs_kl
        gradients = tape.gradient(total, self.student.trainable_variables)
        self.optimizer.apply(gradients, self.student.trainable_variables)
        for tracker, value in zip(self.trackers, (total, bce, abs_kl), strict=True):
            tracker.update_state(value)
        return {tracker.name: tracker.result() for tracker in self.trackers}


def with_keras(data, teacher, epochs: int, **options) -> Callable[[], float]:
    """A function that trains `epochs` epochs with `fit` and returns steps per second."""
    student = make_student("mlp:10,10", inputs=30, outputs=1, registry=tfloss.load_registry())
    model = WithTeacher(student.model)
    model.compile(optimizer=keras.optimizers.SGD(RATE), **options)
    targets = (data.train.labels, teacher)
    steps = -(-len(data.train) // BATCH)

    def run(epochs: int = epochs) -> float:
        started = time.perf_counter()
        model.fit(data.train.inputs, targets, batch_size=BATCH, epochs=epochs, verbose=0)
        return epochs * steps / (time.perf_counter() - started)

    run(1)
    return run


def with_tfloss(data, teacher, epochs: int) -> Callable[[], float]:
    """The same with tfloss's loop."""
    registry = tfloss.load_registry()
    student = make_student("mlp:10,10", inputs=30, outputs=1, registry=registry)
    scope = full_scope(student, data, {"teacher": "a column"})
    loss = StudentLoss(student, Objective("bce + 0.1*abs_kl", registry, scope))
    optimizer = keras.optimizers.SGD(RATE)
    columns = Columns({**data.train.values, "teacher": teacher})
    rows = as_tensors(columns, loss.objective.needs)
    engine = Engine(loss, optimizer, rows, batch_size=BATCH, compile="xla")
    order = BatchOrder(len(data.train), BATCH)
    callbacks = Callbacks((), student.model, optimizer)

    def run() -> float:
        started = time.perf_counter()
        train(ArraySource(engine, order), epochs, callbacks=callbacks)
        return epochs * order.steps_per_epoch / (time.perf_counter() - started)

    run()
    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=300, help="for tfloss; Keras runs a tenth")
    options = parser.parse_args()
    data = tfloss.load_data("breast_cancer")
    teacher = np.clip(data.train.labels, 0.1, 0.9)
    few = max(1, options.epochs // 10)
    peers = {
        "tfloss": with_tfloss(data, teacher, options.epochs),
        "Keras fit": with_keras(data, teacher, few),
        "Keras fit, jit_compile": with_keras(data, teacher, few, jit_compile=True),
        "Keras fit, steps_per_execution=50": with_keras(data, teacher, few, steps_per_execution=50),
    }
    rates = {name: [] for name in peers}
    for _ in range(options.rounds):
        for name, run in peers.items():
            rates[name].append(run())
    table = Table(title="Article's job, steps per second", title_justify="left")
    for column in (
        "",
        "median",
        "min",
        "max",
        "tfloss is faster by (median of rounds, min to max)",
    ):
        table.add_column(column, justify="right" if column else "left")
    for name, values in rates.items():
        ratio = np.divide(rates["tfloss"], values)
        spread = f"{np.median(ratio):.1f}x ({ratio.min():.1f} to {ratio.max():.1f})"
        table.add_row(name, *(f"{f(values):,.0f}" for f in (np.median, np.min, np.max)), spread)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
