"""The loop: chunks, progress, and the guard against numbers that are not finite."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.training.engine_builders import (
    assert_same_weights,
    by_hand,
    columns,
    engine_of,
    mlp,
    order_of,
)
from tfloss.errors import NumericsError
from tfloss.training.checkpoints.manager import Checkpoints
from tfloss.training.loop import chunk_size
from tfloss.training.loop.array_source import ArraySource
from tfloss.training.loop.callbacks import Callbacks
from tfloss.training.loop.shuffling import BatchOrder
from tfloss.training.loop.train_loop import train as train_source


def train(engine, epochs, on_progress=None, callbacks=()):
    order = BatchOrder(engine.rows, engine.batch_size, seed=1)
    called = Callbacks(callbacks, engine.forward.student.model, engine.optimizer)
    return train_source(
        ArraySource(engine, order), epochs, callbacks=called, on_progress=on_progress
    )


@pytest.mark.parametrize("epochs", [1, 7, 10, 43])
@pytest.mark.parametrize("how", ["graph", "xla"])
def test_chunks_change_nothing_and_take_one_program(registry, epochs, how, monkeypatch):
    monkeypatch.setattr(chunk_size, "_SHORTEST", 0)
    engine = engine_of(registry, mlp(), holdout=columns(4), compile=how)
    sizes = []
    history = train(engine, epochs, on_progress=lambda history: sizes.append(len(history)))
    assert sizes[-1] == len(history) == epochs
    assert len(sizes) >= min(epochs, 8)  # somebody sees progress
    assert engine.traces == 1

    whole = engine_of(registry, other := mlp(), holdout=columns(4), compile="graph")
    log = whole.run(BatchOrder(23, 5, seed=1).epochs(0, epochs), 0)
    assert_same_weights(engine.forward.student.model, other, atol=1e-5)
    np.testing.assert_allclose(history.column("total"), log.train[:, 0], rtol=1e-4)
    np.testing.assert_allclose(history.column("bce", "holdout"), log.holdout[:, 1], rtol=1e-4)
    assert [epoch.step for epoch in history] == [5 * (n + 1) for n in range(epochs)]


def test_a_chunk_is_a_tenth_of_a_long_training_and_shorter_where_steps_are_slow(
    registry, monkeypatch
):
    engine = engine_of(registry, mlp(), compile="xla")
    shortest = 40_000 // 5
    assert chunk_size.epochs_per_chunk(engine, 5) == 5
    assert chunk_size.epochs_per_chunk(engine, shortest + 1) == shortest
    assert chunk_size.epochs_per_chunk(engine, 10 * shortest) == shortest
    assert chunk_size.epochs_per_chunk(engine, 10 * shortest + 1) == shortest + 1
    assert chunk_size.epochs_per_chunk(engine, 10**9) == 100_000 // 5
    engine = engine_of(registry, mlp(), compile="graph")
    assert chunk_size.epochs_per_chunk(engine, 10**9) == 2_500 // 5
    monkeypatch.setattr(chunk_size, "_MULTIPLY_ADDS", engine.work_per_step * 15)
    assert chunk_size.epochs_per_chunk(engine, 10**9) == 3


@pytest.mark.parametrize("how", ["graph", "xla", "eager"])
def test_a_loss_that_stops_being_finite_keeps_the_weights_of_that_step(registry, how):
    """Steps so long that the weights overflow: the message tells how many were taken."""
    model = mlp(lambda: [keras.layers.Dense(8)])
    engine = engine_of(
        registry, model, optimizer=keras.optimizers.SGD(1e25, momentum=0.9), compile=how
    )
    with pytest.raises(
        NumericsError, match=r"At step \d+ the value of '.*' is not a finite number"
    ) as error:
        train(engine, 10)
    assert all(np.isfinite(variable.numpy()).all() for variable in model.variables)
    assert f"The weights are those of step {int(engine.optimizer.iterations)}." in str(error.value)


@pytest.mark.parametrize("watched", [False, True])
def test_the_term_and_the_row_that_broke_are_named_and_the_steps_before_it_kept(registry, watched):
    class EveryBatch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None): ...

    data = columns()
    data.values["teacher"][3] = np.inf
    engine = engine_of(registry, model := mlp(), train=data, compile="graph")
    order = order_of(engine, 1)[0]
    bad = int(np.flatnonzero(order == 3)[0]) // engine.batch_size
    with pytest.raises(NumericsError) as error:
        train(engine, 3, callbacks=[EveryBatch()] if watched else [])
    assert f"At step {bad} the value of 'abs_kl' is not a finite number" in str(error.value)
    assert "'teacher' is not finite in row 3 of the data." in str(error.value)

    other = mlp()
    loss_before = order[: bad * engine.batch_size][None]
    by_hand(other, keras.optimizers.SGD(0.1), data, loss_before, engine.batch_size)
    assert_same_weights(model, other)


def test_checkpoints_come_as_often_as_was_said_however_short_the_training(
    registry, tmp_path, monkeypatch
):
    engine, saved = engine_of(registry, mlp(), compile="graph"), []
    save = Checkpoints.save
    monkeypatch.setattr(
        Checkpoints, "save", lambda self, *a: (saved.append(a[2].epoch), save(self, *a))
    )
    order, called = BatchOrder(23, 5), Callbacks((), engine.forward.student.model, engine.optimizer)
    with Checkpoints(tmp_path / "kept", every="2epochs") as kept:
        kept.begin({})
        train_source(ArraySource(engine, order), 7, callbacks=called, checkpoints=kept)
    assert saved == [2, 4, 6, 7]
