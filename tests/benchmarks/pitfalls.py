"""Where Keras is wrong: its figure beside ours, for each point of docs/keras_pitfalls.md.

    python -m tests.benchmarks.pitfalls [--write]

`tests/keras_integration/test_wrong_in_keras.py` holds the same to be so at every run of the tests.
"""

from __future__ import annotations

import argparse
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

import tfloss
from tests.benchmarks.engine import ROOT
from tests.benchmarks.processes import output_of
from tests.keras_integration import test_wrong_in_keras as wrong
from tests.keras_integration.models import ROWS, functional, two_ended

MARK = "<!-- figures -->"
ONE = np.array([[1.0], [0], [0], [0]], np.float32)


class Row(NamedTuple):
    """A point, what is looked at, and the two figures."""

    point: int
    what: str
    keras: str
    ours: str


def two_losses() -> list[Row]:
    both, history = wrong.trained(functional(None), ["mse", "mae"])
    first, _ = wrong.trained(functional(None), "mse")
    model = functional(None)
    mine, terms = wrong.trained(tfloss.attach(model, "mse + mae"), None)

    def moved(weights: Any) -> float:
        return max(np.abs(a - b).max() for a, b in zip(weights, first, strict=True))

    logged = history.get("mae_loss", [0.0])[-1]
    return [
        Row(
            1, "logged value of `mae` in `mse` + `mae`", f"{logged:.3f}", f"{terms['mae'][-1]:.3f}"
        ),
        Row(1, "how far `mae` moved a weight", f"{moved(both):.3f}", f"{moved(mine):.3f}"),
    ]


def distillation() -> list[Row]:
    zero = [
        np.mean(wrong.gradient(loss(), wrong.STUDENT) == 0)
        for loss in (wrong.keras_distillation, wrong.our_distillation)
    ]
    alike = [wrong.agreement(loss()) for loss in (wrong.keras_distillation, wrong.our_distillation)]
    return [
        Row(2, "gradient entries that are 0", f"{zero[0]:.0%}", f"{zero[1]:.0%}"),
        Row(2, "free logits agree with the teacher's class", f"{alike[0]:.2f}", f"{alike[1]:.2f}"),
    ]


def distiller() -> list[Row]:
    def student() -> Any:
        return functional(None, kernel_regularizer=keras.regularizers.L2(1.0))

    x, y, zeros = wrong.X, wrong.X[:, :1], np.zeros(ROWS)
    theirs = keras.distillation.Distiller(
        functional(None),
        student(),
        keras.distillation.LogitsDistillation(loss="mse"),
        student_loss_weight=1.0,
    )
    theirs.compile(keras.optimizers.SGD(0.0), loss="mse")
    logs = theirs.fit(x, y, sample_weight=zeros, batch_size=ROWS, verbose=0).history
    mine = tfloss.attach(student(), "mse + mse(teacher, prediction)", teacher=functional(None))
    mine.compile("sgd")
    ours = mine.evaluate(x, y, sample_weight=zeros, verbose=0, return_dict=True)
    return [
        Row(3, "loss of the labels when all weights are 0", f"{logs['student_loss'][0]:.3f}",
            f"{ours['mse']:.3f}"),
        Row(3, "the student's own penalty, in the log", "not there",
            f"model_losses {ours['model_losses']:.3f}"),
    ]  # fmt: skip


def probabilities() -> list[Row]:
    entropy = keras.losses.BinaryCrossentropy()
    zero = np.zeros((1, 1), np.float32)
    theirs = wrong.gradient(lambda z: entropy(zero, tf.sigmoid(z)), wrong.CONFIDENT)

    @tf.function
    def mine(logits: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = tfloss.Loss("bce")(tf.zeros((1, 1)), tf.sigmoid(logits))
        return tape.gradient(value, logits)

    ours = mine(tf.constant(wrong.CONFIDENT)).numpy()
    wide, narrow = np.ones((8, 2), np.float32), np.zeros((8, 1), np.float32)
    try:
        said = str(tfloss.Loss("mse")(wide, narrow))
    except tfloss.UsageError:
        said = "refused"
    broadcast = float(keras.losses.MeanSquaredError()(wide, narrow))
    return [
        Row(4, "gradient at logit 40, label 0, through the sigmoid", f"{theirs.item():g}",
            f"{ours.item():g}"),
        Row(4, "`mse` of shapes (8, 2) and (8, 1)", f"{broadcast:g}", said),
    ]  # fmt: skip


class Scalar(keras.losses.Loss):
    """A mean over the batch, as many write it."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return tf.reduce_mean((y_true - y_pred) ** 2)


def scalar_losses() -> list[Row]:
    zeros = np.zeros((4, 1), np.float32)
    theirs = float(Scalar()(ONE, zeros, sample_weight=wrong.WEIGHTS))
    ours = float(tfloss.Loss("mse")(ONE, zeros, sample_weight=wrong.WEIGHTS))
    steps = replicas()
    return [
        Row(5, "losses 1, 0, 0, 0 with weights 1, 0, 0, 0 (right: 0.25)", f"{theirs:g}",
            f"{ours:g}"),
        Row(5, "a step on 2 replicas over the same on 1 (right: 1)", f"{steps[0]:.2f}",
            f"{steps[1]:.2f}"),
    ]  # fmt: skip


_REPLICAS = """
import keras, numpy as np, tensorflow as tf, tfloss
from tests.benchmarks.pitfalls import Scalar
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2)

def moved(strategy, kind):
    with strategy.scope():
        layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        model = keras.Sequential([keras.Input((1,)), layer])
        if kind == "ours":
            model = tfloss.attach(model, "mse")
            model.compile(keras.optimizers.SGD(0.1))
        else:
            model.compile(keras.optimizers.SGD(0.1), Scalar())
    x = np.ones((4, 1), np.float32)
    model.fit(tf.data.Dataset.from_tensor_slices((x, x)).batch(4), verbose=0)
    return layer.kernel.numpy().item()

two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
one = tf.distribute.get_strategy()
print(*(moved(two, kind) / moved(one, kind) for kind in ("keras", "ours")))
"""


def replicas() -> tuple[float, float]:
    """How far a step goes on two replicas, over how far it goes on one: Keras', ours.

    In a new process, since TensorFlow divides a CPU in two before it is first used or never.
    """
    theirs, ours = map(float, output_of("-c", _REPLICAS).split()[-2:])
    return theirs, ours


def sums() -> list[Row]:
    x, y = [wrong.X, wrong.X[:, :2]], [wrong.Y, wrong.X[:, 0]]
    theirs = two_ended()
    theirs.compile("sgd", ["binary_crossentropy", "mse"], loss_weights=[1.0, 10.0])
    logs = theirs.evaluate(x, y, verbose=0, return_dict=True)
    formula = "bce(kind.labels, kind.logits) + 10*mse(price.labels, price) + 1e-2*l2"
    mine = tfloss.attach(two_ended(), formula)
    mine.compile("sgd")
    ours = mine.evaluate(x, y, verbose=0, return_dict=True)
    parts = logs["kind_loss"] + logs["price_loss"]
    terms = sum(ours[name] for name in mine.term_names)
    return [
        Row(6, "the logged parts add up to", f"{parts:.3f}", f"{terms:.3f}"),
        Row(6, "the logged total is", f"{logs['loss']:.3f}", f"{ours['loss']:.3f}"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="into docs/keras_pitfalls.md")
    options = parser.parse_args()
    lines = ["| | | Keras | tfloss |", "|--:|---|--:|--:|"]
    for rows in (two_losses, distillation, distiller, probabilities, scalar_losses, sums):
        lines += [f"| {r.point} | {r.what} | {r.keras} | {r.ours} |" for r in rows()]
    table = "\n".join(lines)
    print(table)
    if options.write:
        page = ROOT / "docs" / "keras_pitfalls.md"
        head, _, tail = page.read_text(encoding="utf-8").partition(MARK)
        _, _, tail = tail.partition(MARK)
        page.write_text(f"{head}{MARK}\n{table}\n{MARK}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
