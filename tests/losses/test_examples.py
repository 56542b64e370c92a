"""Every loss's example is a formula that can be computed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from tfloss import tf
from tfloss.errors import UsageError
from tfloss.objective import Entry, Objective, Scope
from tfloss.registry import load_registry
from tfloss.report.catalogue import built_in, example_of

ROWS = 6
REGISTRY = load_registry()
RANDOM = np.random.default_rng(0)
INPUTS = RANDOM.normal(size=(ROWS, 4))
WEIGHTS = {f"hidden{n}/kernel": RANDOM.normal(size=(4, 4)) for n in (1, 2)}


def columns(outputs):
    """What the data and a teacher give beside a student with so many outputs."""
    classes = np.arange(ROWS) % 3
    labels = np.eye(3)[classes] if outputs == 3 else (classes % 2)[:, None]
    answers = RANDOM.normal(size=(ROWS, outputs))
    return {
        "labels": labels,
        "teacher": special.softmax(answers, axis=1) if outputs > 1 else special.expit(answers),
        "teacher.hidden1": RANDOM.normal(size=(ROWS, 5)),
        "teacher.conv1": RANDOM.normal(size=(ROWS, 4, 4, 2)),
        "teacher.conv2": RANDOM.normal(size=(ROWS, 4, 4, 3)),
        "conv1": RANDOM.normal(size=(ROWS, 4, 4, 2)),
        "conv2": RANDOM.normal(size=(ROWS, 4, 4, 3)),
        "other_domain": RANDOM.normal(size=(ROWS, 4)),
        "sex": np.arange(ROWS) % 2,
        "slope": RANDOM.normal(size=(ROWS, 4)),
        "time": RANDOM.uniform(0.5, 5, size=ROWS),
        "event": np.arange(ROWS) % 2,
        "boxes": RANDOM.normal(size=(ROWS, 4)),
        "counts": RANDOM.poisson(2, size=(ROWS, 2)),
        "amounts": RANDOM.gamma(2, size=(ROWS, 2)),
        "picture": RANDOM.uniform(size=(ROWS, 12, 12, 1)),
        "drawn": RANDOM.uniform(size=(ROWS, 12, 12, 1)),
        "outline": RANDOM.integers(0, 2, size=(ROWS, 12, 12, 1)),
        "distances": RANDOM.normal(size=(ROWS, 12, 12, 1)),
        "series": RANDOM.normal(size=(ROWS, 5, 2)),
        "forecast": RANDOM.normal(size=(ROWS, 5, 2)),
        "frames": RANDOM.normal(size=(ROWS, 5, 4)),
        "tokens": np.tile([1, 2], (ROWS, 1)),
        "tags": np.tile([0, 1, 2, 3, 1], (ROWS, 1)),
        "wave": RANDOM.normal(size=(ROWS, 600)),
        "spoken": RANDOM.normal(size=(ROWS, 600)),
    }


# Outputs, width of the layers, inputs: three classes, two on one unit, three of which two questions
# are asked, layers of one unit beside either, and a function of one number.
WORLDS = [(3, 4, 4), (1, 4, 4), (2, 4, 4), (1, 1, 4), (2, 1, 4), (1, 4, 1)]


def student(inputs, outputs, width):
    """Two layers and an answer, which a formula may derive by the inputs."""
    kernel = WEIGHTS["hidden1/kernel"][: inputs.shape[1]]
    hidden1 = tf.tanh(inputs @ tf.constant(kernel, tf.float32))
    hidden2 = tf.tanh(hidden1 @ tf.constant(WEIGHTS["hidden2/kernel"], tf.float32))
    logits = hidden2[:, :outputs]
    probs = tf.nn.softmax(logits) if outputs > 1 else tf.sigmoid(logits)
    return {
        "inputs": inputs,
        "hidden1": hidden1[:, :width],
        "hidden2": hidden2[:, :width],
        "logits": logits,
        "probs": probs,
        "prediction": logits,
    }


def value(formula, outputs, width, inputs):
    """The formula in one of the worlds, or the refusal of a loss that is not for it."""
    given = {
        n: tf.constant(v, tf.int32 if n in ("tokens", "tags") else tf.float32)
        for n, v in columns(outputs).items()
    }
    if outputs == 2:  # ordered classes, of which two questions are asked
        given["labels"] = tf.one_hot(tf.range(ROWS) % 3, 3)
    numbers = tf.constant(INPUTS[:, :inputs], tf.float32)
    names = [*given, *student(numbers, outputs, width)]
    scope = Scope(
        [Entry(name, "test", known_outside=name in given) for name in names], weights=WEIGHTS
    )
    objective = Objective(formula, REGISTRY, scope, steps_per_epoch=10)
    weights = {path: tf.constant(weight, tf.float32) for path, weight in WEIGHTS.items()}

    @tf.function(autograph=False)
    def run(inputs):
        tensors = student(inputs, outputs, width)
        return objective({**given, **tensors, "weights": weights}).total

    return float(run(numbers))


@pytest.mark.parametrize("loss", built_in().values(), ids=lambda loss: loss.name)
def test_the_example_can_be_computed(loss):
    example = example_of(loss)
    assert loss.name in example
    refusals = []
    for world in WORLDS:
        try:
            assert np.isfinite(value(example, *world))
            return
        except UsageError as refusal:
            refusals.append(f"{world}: {refusal}")
    pytest.fail(f"{example}\n" + "\n".join(refusals))
