"""What the engine reports: terms that add up, the holdout as a whole, one program per run."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.engine_builders import columns, engine_of, mlp, order_of, run_steps
from tfloss.training.loop import in_memory as engine_module
from tfloss.training.program import step as steps_module
from tfloss.training.program.batch import as_tensors

HOW = ["xla", "graph", "eager"]


@pytest.mark.parametrize("how", HOW)
def test_the_terms_add_up_to_the_total(registry, how):
    model = mlp(lambda: [keras.layers.Dense(4, kernel_regularizer=keras.regularizers.L2(0.01))])
    data = columns()
    engine = engine_of(registry, model, holdout=data, compile=how)
    log = engine.run(order_of(engine, 3), 0)
    assert engine.forward.names == ("bce", "abs_kl", "model_losses")
    for values in (log.train, log.holdout):
        assert (values[:, 1:] > 0).all()
        np.testing.assert_allclose(values[:, 1:].sum(axis=1), values[:, 0], rtol=1e-6)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("slice_rows", [4, 7, 100])
def test_the_holdout_in_slices_is_the_holdout_as_a_whole(registry, how, slice_rows):
    holdout = columns(21, seed=3)
    engine = engine_of(
        registry,
        mlp(),
        holdout=holdout,
        formula="bce + 0.5*binary_kl",
        evaluated_rows=slice_rows,
        compile=how,
    )
    log = engine.run(order_of(engine, 2), 0)
    batch = as_tensors(holdout, engine.forward.objective.needs)
    total, terms = engine.forward(batch, tf.constant(0), training=False)
    np.testing.assert_allclose(log.holdout[-1], [total, *terms], rtol=1e-6)
    np.testing.assert_allclose(engine.evaluate(0)[0], [total, *terms], rtol=1e-6)


def test_the_holdout_is_evaluated_when_it_is_due_and_after_the_last_epoch(registry):
    engine = engine_of(registry, mlp(), holdout=columns(8), evaluate_every=3, compile="graph")
    log = engine.run(order_of(engine, 8), 0, epochs=7)
    evaluated = ~np.isnan(log.holdout).any(axis=1)
    assert evaluated.tolist() == [False, False, True, False, False, True, True]


@pytest.mark.parametrize("how", ["xla", "graph"])
@pytest.mark.parametrize("rows", [20, 23])
def test_one_program_whatever_remains_of_rows_and_epochs(registry, how, rows):
    engine = engine_of(registry, mlp(), train=columns(rows), holdout=columns(3), compile=how)
    order = order_of(engine, 4)
    for first, epochs in ((0, 4), (4, 4), (8, 1)):
        assert len(engine.run(order, first * engine.steps_per_epoch, epochs=epochs).train) == epochs
    assert engine.traces == 1
    assert int(engine.optimizer.iterations) == 9 * engine.steps_per_epoch


@pytest.mark.parametrize("how", ["xla", "graph"])
def test_blocks_of_gathered_batches_change_nothing(registry, monkeypatch, how):
    """Nine batches of 2 and one row: in one block, and in blocks of 4, 4 and 1 batches."""
    logs, weights = [], []
    for block_bytes in (2**20, 4 * 2 * 8 * 4):
        monkeypatch.setattr(engine_module, "BLOCK_BYTES", block_bytes)
        engine = engine_of(registry, mlp(), train=columns(19), batch_size=2, compile=how)
        logs.append(engine.run(order_of(engine, 3), 0).train)
        weights.append(engine.snapshot())
    np.testing.assert_allclose(logs[0], logs[1], rtol=0, atol=1e-6)
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


@pytest.mark.parametrize("how", HOW)
def test_the_first_step_that_is_not_finite_is_named(registry, how):
    data = columns()
    data.values["teacher"][7] = np.nan
    engine = engine_of(registry, mlp(), train=data, compile=how)
    order = np.arange(23, dtype=np.int32)[None].repeat(2, axis=0)
    step, values = engine.run(order, 10).bad
    assert step == 11  # row 7 is in the second batch of five
    assert np.isfinite(values[1])
    assert np.isnan(values[2])


def test_a_step_by_step_epoch_reports_what_a_compiled_one_does(registry):
    holdout = columns(9)
    logs = []
    for watched in (True, False):
        engine = engine_of(registry, mlp(), holdout=holdout, compile="graph")
        order = order_of(engine, 1)
        if watched:
            logs.append((run_steps(engine, order)[0], engine.evaluate(5)[0]))
        else:
            log = engine.run(order, 0)
            logs.append((log.train[0], log.holdout[0]))
    np.testing.assert_allclose(logs[0], logs[1], rtol=1e-6)


def test_averaged_weights_become_the_weights_at_the_end(registry):
    """Keras' `use_ema`: the optimizer keeps an average, which replaces the weights when done."""
    optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
    model = mlp()
    engine = engine_of(registry, model, optimizer=optimizer, compile="graph")
    engine.run(order_of(engine, 2), 0)
    last = model.trainable_variables[0].numpy()
    engine.finish()
    assert np.abs(model.trainable_variables[0].numpy() - last).max() > 1e-4


def test_bytes_per_block_bound_the_rows_gathered_at_once(registry, monkeypatch):
    assert steps_module.BLOCK_BYTES >= 2**20
    monkeypatch.setattr(engine_module, "BLOCK_BYTES", 1)
    engine = engine_of(registry, mlp(), compile="graph")
    assert engine._batches_per_block() == 1
    assert np.isfinite(engine.run(order_of(engine, 1), 0).train).all()
