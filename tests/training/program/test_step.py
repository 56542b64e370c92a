"""The engine follows loops written out by hand, however it is compiled."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.engine_builders import (
    assert_same_weights,
    by_hand,
    columns,
    engine_of,
    mlp,
    one_layer,
    order_of,
    run_steps,
)
from tfloss.errors import UsageError
from tfloss.training.program.replication import Replication

EPOCHS = 4
STEPS = 3  # of a sequence, two features each
OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.1),
    "momentum": lambda: keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "adam": lambda: keras.optimizers.Adam(0.01),
    "adamw": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1),
    "clipnorm": lambda: keras.optimizers.SGD(0.1, clipnorm=0.05),
    "schedule": lambda: keras.optimizers.SGD(
        keras.optimizers.schedules.PiecewiseConstantDecay([3, 9], [0.3, 0.1, 0.02])
    ),
}
STUDENTS = {
    "batch_norm": lambda: [keras.layers.Dense(4), keras.layers.BatchNormalization()],
    "conv": lambda: [
        keras.layers.Reshape((STEPS, 2)),
        keras.layers.Conv1D(3, 2, activation="relu"),
        keras.layers.Flatten(),
    ],
    "gru": lambda: [keras.layers.Reshape((STEPS, 2)), keras.layers.GRU(3)],
    "lstm": lambda: [keras.layers.Reshape((STEPS, 2)), keras.layers.LSTM(3)],
}


def trained(registry, how, make_layers=one_layer, make_optimizer=OPTIMIZERS["sgd"], rows=23):
    """The model after some epochs, and the logged total of each."""
    model = mlp(make_layers)
    compile = "graph" if how == "steps" else how
    engine = engine_of(
        registry, model, optimizer=make_optimizer(), train=columns(rows), compile=compile
    )
    order = order_of(engine, EPOCHS)
    if how == "steps":
        return model, np.stack(run_steps(engine, order))
    return model, engine.run(order, 0).train


@pytest.mark.parametrize("how", ["graph", "xla"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_loop_by_hand_ends_at_the_same_weights(registry, optimizer, how):
    model, log = trained(registry, how, make_optimizer=OPTIMIZERS[optimizer])
    other = mlp()
    data = columns()
    order = order_of(engine_of(registry, mlp(), compile="graph"), EPOCHS)
    losses = by_hand(other, OPTIMIZERS[optimizer](), data, order, 5)

    assert_same_weights(model, other)
    moved = np.abs(mlp().get_weights()[0] - other.get_weights()[0]).max()
    assert moved > 1e-3
    rows = np.array([5, 5, 5, 5, 3])  # the last batch of an epoch weighs what it has rows
    by_epoch = losses.reshape(EPOCHS, 5) @ rows / 23
    np.testing.assert_allclose(log[:, 0], by_epoch, rtol=0, atol=1e-6)


@pytest.mark.parametrize("rows", [5, 20, 23, 3])
def test_graph_steps_and_xla_agree_whatever_remains(registry, rows):
    """One full batch; four; four and three rows; fewer rows than a batch."""
    results = {how: trained(registry, how, rows=rows) for how in ("xla", "graph", "eager")}
    for model, log in results.values():
        assert_same_weights(model, results["graph"][0])
        np.testing.assert_allclose(log, results["graph"][1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("student", STUDENTS)
def test_students_of_every_kind_train_alike(registry, student):
    results = {how: trained(registry, how, STUDENTS[student]) for how in ("xla", "graph", "eager")}
    other = mlp(STUDENTS[student])
    order = order_of(engine_of(registry, mlp(), compile="graph"), EPOCHS)
    by_hand(other, OPTIMIZERS["sgd"](), columns(), order, 5)
    for model, _ in results.values():
        assert_same_weights(model, other, atol=1e-5)


@pytest.mark.parametrize("how", ["xla", "graph", "eager", "steps"])
def test_dropout_drops_in_training_only_and_afresh_in_each_step(registry, how):
    model = mlp(lambda: [keras.layers.Dense(64), keras.layers.Dropout(0.5)])
    data = columns(8)
    engine = engine_of(
        registry,
        model,
        optimizer=keras.optimizers.SGD(0.0),  # the weights stay, so that only dropout varies
        train=data,
        holdout=data,
        batch_size=8,
        compile="graph" if how == "steps" else how,
    )
    order = order_of(engine, 3)
    train = np.stack(run_steps(engine, order)) if how == "steps" else engine.run(order, 0).train
    holdout = [float(engine.evaluate(step)[0, 0]) for step in range(2)]
    assert len(set(train[:, 0].tolist())) == 3
    assert holdout[0] == holdout[1]


def test_what_was_made_outside_of_a_strategys_scope_is_refused_with_the_remedy(registry):
    replication = Replication(tf.distribute.MirroredStrategy(["CPU:0"]))
    with pytest.raises(UsageError, match=r"model was built outside .* with strategy\.scope\(\)"):
        engine_of(registry, mlp(), replication=replication)
    with replication.strategy.scope():
        model = mlp()
    with pytest.raises(UsageError, match=r"optimizer was made outside .* MirroredStrategy"):
        engine_of(registry, model, replication=replication)
