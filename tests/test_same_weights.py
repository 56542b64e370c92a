"""The same training through every door that can do it leaves the same weights, to 1e-6.

Rows in the order of the data, one network with the same initial weights, SGD with momentum: what
differs is the door. The reference is Keras' own `fit` of the plain network.
"""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfloss
from tfloss.comparison.replicates.program import Replicates
from tfloss.comparison.replicates.stacked_loss import WeightedLoss
from tfloss.objective import Objective
from tfloss.sklearn import DistilledClassifier
from tfloss.student import wrap_model
from tfloss.training.program.batch import as_tensors
from tfloss.training.scope import full_scope

EPOCHS, BATCH, ATOL = 5, 8, 1e-6
DATA = tfloss.load_data("breast_cancer", train_size=60, test_size=30)  # a remainder of 4 rows
X, Y = DATA.train.inputs, DATA.train.labels


def network(features=30, outputs=1):
    keras.utils.set_random_seed(11)
    layers = [keras.layers.Dense(6, "tanh"), keras.layers.Dense(outputs)]
    return keras.Sequential([keras.Input((features,)), *layers])


def sgd():
    return keras.optimizers.SGD(0.1, momentum=0.9)


def by_keras():
    model = network()
    model.compile(sgd(), keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(X, Y, epochs=EPOCHS, batch_size=BATCH, shuffle=False, verbose=0)
    return model.get_weights()


def fit(compile):
    model = network()
    tfloss.fit(
        "bce",
        DATA,
        model,
        optimizer=sgd(),
        epochs=EPOCHS,
        batch_size=BATCH,
        batches="sequential",
        compile=compile,
    )
    return model.get_weights()


def fit_stream():
    """A stream has no remainders: the full batches of an epoch, and its rest, one by one."""
    model, optimizer = network(), sgd()
    end = len(X) // BATCH * BATCH
    for _ in range(EPOCHS):
        for rows, size in ((slice(end), BATCH), (slice(end, None), len(X) - end)):
            columns = {"inputs": X[rows], "labels": Y[rows]}
            tfloss.fit_stream(
                "bce",
                tf.data.Dataset.from_tensor_slices(columns).batch(size),
                model,
                optimizer=optimizer,
                steps_per_epoch=len(X[rows]) // size,
                batch_size=size,
                compile="graph",
            )
    return model.get_weights()


def fit_model():
    model = network()
    model.compile(sgd())
    tfloss.fit_model(model, (X, Y), "bce", epochs=EPOCHS, batch_size=BATCH, shuffle=False)
    return model.get_weights()


def attach():
    model = network()
    attached = tfloss.attach(model, "bce")
    attached.compile(sgd())
    attached.fit(X, Y, epochs=EPOCHS, batch_size=BATCH, shuffle=False, verbose=0)
    return model.get_weights()


def compare():
    """The program of `tfloss compare`, with one seed."""
    model, registry = network(), tfloss.load_registry()
    student = wrap_model(model)
    objective = Objective("bce", registry, full_scope(student, DATA, {}))
    loss = WeightedLoss(student, objective)
    rows = as_tensors(DATA.train, objective.needs).map(lambda column: column.numpy()[None])
    program = Replicates(loss, sgd(), rows, batch_size=BATCH, compile="graph")
    order = np.tile(np.arange(len(X), dtype=np.int32), (EPOCHS, 1, 1))
    program.train_chunk(order, 0)
    return [variable.numpy()[0] for variable in program.stacked[: len(model.weights)]]


def estimator():
    fitted = DistilledClassifier(
        "bce",
        model=network,
        optimizer=sgd(),
        scale="none",
        epochs=EPOCHS,
        batch_size=BATCH,
        batches="sequential",
        random_state=0,
    ).fit(X, DATA.train.codes)
    return fitted.network_.model.get_weights()


DOORS = {
    "fit, graph": lambda: fit("graph"),
    "fit, XLA": lambda: fit("xla"),
    "fit, eager": lambda: fit("eager"),
    "fit_stream": fit_stream,
    "fit_model": fit_model,
    "attach().fit": attach,
    "compare": compare,
    "estimator": estimator,
}


@pytest.fixture(scope="module")
def reference():
    return by_keras()


@pytest.mark.parametrize("door", DOORS)
def test_the_same_training_leaves_the_same_weights(reference, door):
    start = network().get_weights()
    weights = DOORS[door]()
    assert max(np.abs(a - b).max() for a, b in zip(reference, start, strict=True)) > 0.05
    for ours, theirs in zip(weights, reference, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=ATOL)
