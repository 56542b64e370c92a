"""The loop: chunks, progress, and the guard against numbers that are not finite."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.training.engine_worlds import assert_same_weights, columns, engine_of, mlp
from tfloss.errors import NumericsError
from tfloss.training import loop
from tfloss.training.batches import BatchOrder
from tfloss.training.callbacks import Callbacks


def train(engine, epochs, watch=None, callbacks=()):
    order = BatchOrder(engine.rows, engine.batch_size, seed=1)
    called = Callbacks(callbacks, engine.measure.student.model, engine.optimizer)
    return loop.train(engine, order, epochs, callbacks=called, watch=watch)


@pytest.mark.parametrize("epochs", [1, 7, 10, 43])
@pytest.mark.parametrize("how", ["graph", "xla"])
def test_chunks_change_nothing_and_take_one_program(registry, epochs, how):
    engine = engine_of(registry, mlp(), holdout=columns(4), compile=how)
    sizes = []
    history = train(engine, epochs, watch=lambda history: sizes.append(len(history)))
    assert sizes[-1] == len(history) == epochs
    assert len(sizes) >= min(epochs, 8)  # somebody sees progress
    assert engine.traces == 1

    whole = engine_of(registry, other := mlp(), holdout=columns(4), compile="graph")
    log = whole.run(BatchOrder(23, 5, seed=1).epochs(0, epochs), 0)
    assert_same_weights(engine.measure.student.model, other, atol=1e-5)
    np.testing.assert_allclose(history.column("total"), log.train[:, 0], rtol=1e-4)
    np.testing.assert_allclose(history.column("bce", "holdout"), log.holdout[:, 1], rtol=1e-4)
    assert [epoch.step for epoch in history] == [5 * (n + 1) for n in range(epochs)]


def test_a_chunk_is_a_tenth_at_most_and_shorter_where_steps_are_slow(registry, monkeypatch):
    engine = engine_of(registry, mlp(), compile="xla")
    assert loop.epochs_per_chunk(engine, 5) == 1
    assert loop.epochs_per_chunk(engine, 101) == 11
    assert loop.epochs_per_chunk(engine, 10**9) == 100_000 // 5
    engine = engine_of(registry, mlp(), compile="graph")
    assert loop.epochs_per_chunk(engine, 10**9) == 2_500 // 5
    monkeypatch.setattr(loop, "_MULTIPLY_ADDS_PER_CHUNK", engine.work_per_step * 15)
    assert loop.epochs_per_chunk(engine, 10**9) == 3


@pytest.mark.parametrize("how", ["graph", "xla", "steps"])
def test_a_loss_that_stops_being_finite_undoes_its_chunk(registry, how):
    """Steps so long that the weights overflow: the last finite weights are put back."""
    model = mlp(lambda: [keras.layers.Dense(8)])
    engine = engine_of(
        registry, model, optimizer=keras.optimizers.SGD(1e25, momentum=0.9), compile=how
    )
    start = engine.snapshot()
    with pytest.raises(
        NumericsError, match=r"At step \d+ the value of '.*' is not a finite number"
    ):
        train(engine, 10)
    for before, after in zip(start, engine.snapshot(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_the_term_that_broke_is_named_and_only_its_chunk_is_undone(registry):
    data = columns()
    engine = engine_of(registry, mlp(), train=data, compile="graph")
    train(engine, 2)
    kept = engine.snapshot()
    data.values["teacher"][3] = np.inf
    broken = engine_of(
        registry,
        engine.measure.student.model,
        train=data,
        compile="graph",
        optimizer=keras.optimizers.SGD(0.1),
    )
    with pytest.raises(NumericsError, match="the value of 'abs_kl' is not a finite number"):
        train(broken, 3)
    for before, after in zip(kept[:4], broken.snapshot()[:4], strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_look_at_every_batch_is_guarded_as_well(registry):
    class EveryBatch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None): ...

    data = columns()
    data.values["labels"][0] = np.nan
    engine = engine_of(registry, mlp(), train=data, compile="graph")
    start = engine.snapshot()
    with pytest.raises(NumericsError, match="'bce'"):
        train(engine, 2, callbacks=[EveryBatch()])
    for before, after in zip(start, engine.snapshot(), strict=True):
        np.testing.assert_array_equal(before, after)
