"""A NaN never reaches the weights, and its culprit is named: 50 injections into compiled loops."""

from __future__ import annotations

import re
from contextlib import nullcontext

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfloss
from tests.cli.running import tfloss as command
from tests.reliability.faults import BATCH, FAULTS, World
from tests.training.engine_builders import columns, engine_of, mlp
from tfloss.errors import NumericsError, UsageError
from tfloss.training.loop import chunk_size
from tfloss.training.loop.array_source import ArraySource
from tfloss.training.loop.callbacks import Callbacks
from tfloss.training.loop.nan_guard import NanGuard
from tfloss.training.loop.nan_report import StepRows
from tfloss.training.loop.shuffling import BatchOrder
from tfloss.training.loop.train_loop import train

TERMS = {"inputs": "bce", "labels": "bce", "teacher": "abs_kl"}  # the first that shows it


@pytest.fixture(scope="module")
def world(registry):
    return World(registry, compile="xla")


def rows_of(engine, order):
    """The rows of a step of one epoch."""
    return lambda step: StepRows(*engine.batch_of(order[0], step), "the data")


def guarded(world, fault, on_nan):
    """Train the one epoch; the log, the guard, and the row that is bad."""
    order, row = world.inject(fault)
    guard = NanGuard(world.engine, on_nan)

    def run(policy):
        return world.engine.run(order, 0, policy=policy)

    try:
        log = guard(run, rows_of(world.engine, order))
    finally:
        for variable in world.engine.forward.variables:
            assert np.isfinite(variable.numpy()).all()
    return log, guard, row


@pytest.fixture(scope="module")
def after(world):
    """The weights after each number of clean steps."""
    order, _ = world.inject(None)
    seen = [world.model.get_weights()]
    state = world.engine.start(tf.constant(0))
    for rows in order[0].reshape(-1, BATCH):
        state = world.engine.run_step(rows, state, "stop")
        seen.append(world.model.get_weights())
    return seen


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_fifty_injections_stop_before_the_weights(world, after, fault):
    with pytest.raises(NumericsError) as raised:
        guarded(world, fault, "stop")
    message = str(raised.value)
    assert raised.value.exit_code == 3
    assert f"At step {fault.step} " in message
    assert f"The weights are those of step {fault.step}." in message
    assert f"'{TERMS.get(fault.where, 'brittle')}'" in message
    for got, wanted in zip(world.model.get_weights(), after[fault.step], strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)
    order, row = world.inject(fault)
    named = {int(number) for number in re.search(r"rows? ([\d, ]+)", message)[1].split(", ")}
    if row is not None:
        assert named == {row}
    else:  # not the rows' fault: all of the batch are named
        assert named == set(order[0, fault.step * BATCH : (fault.step + 1) * BATCH].tolist())


@pytest.mark.parametrize("fault", FAULTS[::5], ids=str)
def test_skipping_leaves_out_the_step_and_nothing_else(world, fault):
    with pytest.warns(UserWarning, match=f"Step {fault.step} was left out"):
        log, guard, _ = guarded(world, fault, "skip")
    assert guard.skipped == 1
    assert np.isfinite(log.train).all()
    assert int(world.engine.optimizer.iterations) == world.engine.steps_per_epoch - 1


def test_without_a_fault_nothing_is_done_twice(world):
    runs = []
    order, _ = world.inject(None)
    guard = NanGuard(world.engine, "skip")

    def run(policy):
        runs.append(policy)
        return world.engine.run(order, 0, policy=policy)

    guard(run, rows_of(world.engine, order))
    assert runs == [None]
    assert guard.events == []


@pytest.mark.parametrize("on_nan", ["stop", "skip"])
def test_in_a_long_epoch_in_parts_as_in_whole_epochs(registry, monkeypatch, on_nan):
    """Two steps in a call, five in an epoch, and row 9 is bad: the same step, rows and weights."""
    data = columns()
    data.values["labels"][9] = np.nan

    def ending():
        model = mlp()
        engine = engine_of(registry, model, train=data, compile="graph")
        order, guard = BatchOrder(engine.rows, engine.batch_size, seed=1), NanGuard(engine, on_nan)
        said, totals = "", None
        try:
            history = train(
                ArraySource(engine, order),
                4,
                callbacks=Callbacks((), model, engine.optimizer),
                guard=guard,
            )
            totals = history.column("total")
        except NumericsError as error:
            said = str(error)
        return said, guard.events, totals, model.get_weights()

    with pytest.warns(UserWarning, match="left out") if on_nan == "skip" else nullcontext():
        said, events, totals, weights = ending()
        monkeypatch.setitem(chunk_size._STEPS, "graph", 2)
        said_in_parts, events_in_parts, totals_in_parts, weights_in_parts = ending()
    if on_nan == "stop":
        place = int(np.flatnonzero(BatchOrder(23, 5, seed=1).epochs(0, 1)[0] == 9)[0])
        assert f"At step {place // 5} the value of 'bce' is not a finite number" in said
        assert "row 9 of the data" in said
    else:
        assert events == ["4 steps were left out, since they were not finite."]
        np.testing.assert_allclose(totals_in_parts, totals, rtol=1e-5)
    assert (said_in_parts, events_in_parts) == (said, events)
    for one, other in zip(weights_in_parts, weights, strict=True):
        assert np.isfinite(one).all()
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


# -- diverging, and what helps ---------------------------------------------------------------------


def trained(registry, on_nan, rate, epochs=20, **more):
    model = mlp(lambda: [keras.layers.Dense(8)])
    optimizer = keras.optimizers.SGD(rate, momentum=0.9)
    engine = engine_of(registry, model, optimizer=optimizer, compile="graph", **more)
    guard = NanGuard(engine, on_nan)
    order = BatchOrder(engine.rows, engine.batch_size, seed=1)
    source = ArraySource(engine, order)
    history = train(source, epochs, callbacks=Callbacks((), model, optimizer), guard=guard)
    return history, guard, optimizer, model


@pytest.mark.filterwarnings("ignore:The learning rate was halved")
def test_lowering_the_rate_trains_what_diverged(registry):
    """A quadratic loss diverges at a rate that a few halvings make good."""
    with pytest.raises(NumericsError, match="on_nan='lower'"):
        trained(registry, "stop", 2.0, formula="mse(logits, teacher)", epochs=200)
    history, guard, optimizer, model = trained(
        registry, "lower", 2.0, formula="mse(logits, teacher)", epochs=200
    )
    assert 1 <= guard.halvings <= 10
    np.testing.assert_allclose(float(optimizer.learning_rate), 2.0 / 2**guard.halvings)
    assert guard.events == [
        f"The learning rate was halved {guard.halvings} times, "
        f"to {float(optimizer.learning_rate):.3g}."
    ]
    assert np.isfinite(history.column("total")).all()
    assert all(np.isfinite(value).all() for value in model.get_weights())
    resumed = NanGuard(guard._steps, "lower")
    resumed.load(guard.state())
    assert resumed.events == guard.events


@pytest.mark.filterwarnings("ignore:The learning rate was halved")
def test_lowering_ends_where_it_does_not_help(registry):
    with pytest.raises(NumericsError) as error:
        trained(registry, "lower", 1e30)
    assert "The weights are those of step" in str(error.value)


def test_lowering_is_not_tried_on_data_that_are_not_finite(registry):
    data = columns()
    data.values["labels"][2] = np.nan
    with pytest.raises(NumericsError, match="'labels' is not finite in row 2 of the data"):
        trained(registry, "lower", 0.1, train=data)  # a warning would be an error


def test_a_schedule_cannot_be_lowered(registry):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    with pytest.raises(UsageError, match="schedule"):
        trained(registry, "lower", schedule)


@pytest.mark.filterwarnings("ignore:Step .* was left out")
def test_skipping_every_step_is_no_training(registry, monkeypatch):
    data = columns()
    data.values["labels"][:] = np.nan
    with pytest.raises(NumericsError, match=r"At step 0 .*'bce'"):
        trained(registry, "skip", 0.1, train=data)
    monkeypatch.setitem(chunk_size._STEPS, "graph", 2)  # the third part ends the epoch
    with pytest.raises(NumericsError, match=r"At step 4 .*'bce'"):
        trained(registry, "skip", 0.1, train=data)


# -- everywhere that trains ------------------------------------------------------------------------


def test_batch_normalisation_does_not_keep_a_nan(registry):
    data = columns()
    data.values["inputs"][4] = np.inf
    model = mlp(lambda: [keras.layers.Dense(4), keras.layers.BatchNormalization()])
    engine = engine_of(registry, model, train=data, compile="graph")
    order = BatchOrder(engine.rows, engine.batch_size, seed=1)
    with pytest.raises(NumericsError, match="'inputs' is not finite in row 4"):
        train(ArraySource(engine, order), 2, callbacks=Callbacks((), model, engine.optimizer))
    assert all(np.isfinite(value).all() for value in model.get_weights())


@pytest.mark.parametrize("metrics", [[], ["mae"]])
def test_a_keras_model_of_ones_own(metrics):
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(30, 4)), generator.normal(size=(30, 1))
    x[17, 2] = np.inf
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=metrics)
    with pytest.raises(NumericsError, match=r"At step 4 .*'mse'.* in row 17 of the data"):
        tfloss.fit_model(model, (x, y), "mse", epochs=3, batch_size=4, shuffle=False)
    assert all(np.isfinite(value).all() for value in model.get_weights())
    with pytest.warns(UserWarning, match="left out"):
        history = tfloss.fit_model(
            model, (x, y), "mse", epochs=3, batch_size=4, shuffle=False, on_nan="skip"
        )
    assert np.isfinite(history.history["loss"]).all()


def test_the_command_line_leaves_with_3_and_no_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hot = ("train", "--loss", "bce", "--optimizer", "sgd:learning_rate=1e38", "--epochs", "9")
    answer = command(*hot)
    assert answer.code == 3
    assert re.search(r"At step \d+ the value of 'bce' is not a finite number", answer.err)
    assert re.search(r"rows? \d+.* of the data", answer.err)
    assert not list(tmp_path.rglob("manifest.json"))
    assert command(*hot[:3], "--on-nan", "halt").code == 2
