"""A second training of the same traces nothing; of another one it uses no program."""

from __future__ import annotations

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfloss
from tests.training.engine_builders import assert_same_weights, columns, mlp
from tfloss.data import Table, prepare
from tfloss.training.program import program_cache

FORMULA = "bce + 0.1*abs_kl"


def data(seed=0, rows=40):
    part = columns(rows, seed)
    teacher = {"teacher": part.values["teacher"][:, 0]}
    table = Table(part.values["inputs"], part.values["labels"][:, 0], columns=teacher)
    return prepare(table, train_size=rows - 10, scale="none")


def trained(model, *, seed=0, rows=40, epochs=2, **options):
    options = {"optimizer": "adam:learning_rate=0.1", "batch_size": 8, "compile": "graph"} | options
    formula = options.pop("formula", FORMULA)
    return tfloss.fit(formula, data(seed, rows), model, epochs=epochs, seed=seed, **options)


def dropout():
    return mlp(lambda: [keras.layers.Dense(4, "tanh"), keras.layers.Dropout(0.5, seed=1)])


def test_a_second_training_traces_nothing_and_is_the_same_as_by_new_programs(monkeypatch):
    kept, plain = dropout(), dropout()
    assert trained(kept).traces == 1
    second = trained(kept, seed=1, epochs=7)  # other rows, another order, more epochs
    assert second.traces == 0
    monkeypatch.setattr(program_cache.ProgramCache, "take", lambda *_: None)
    trained(plain)
    other = trained(plain, seed=1, epochs=7)
    assert other.traces == 1
    assert_same_weights(kept, plain, atol=0)
    assert second.history.latest == other.history.latest
    assert second.scores == other.scores


def test_by_xla_too():
    model = mlp()
    assert trained(model, epochs=20, compile="xla").traces == 1
    assert trained(model, seed=1, epochs=20, compile="xla").traces == 0
    assert trained(model, epochs=3, compile="xla").traces == 0  # a shorter chunk in the longer one


@pytest.mark.parametrize(
    "changes",
    [
        {"formula": "bce + 0.2*abs_kl"},
        {"rows": 44},
        {"batch_size": 5},
        {"optimizer": "adam:learning_rate=0.2"},
        {"evaluate_every": 2},
        {"compile": "xla"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_anything_else_is_traced_again(changes):
    model = mlp()
    trained(model)
    assert trained(model, **changes).traces == 1


def test_changes_of_the_model_are_noticed():
    model = dropout()
    trained(model)
    model.layers[1].rate = 0.1
    assert trained(model).traces == 1
    model.layers[0].trainable = False
    before = model.layers[0].kernel.numpy()
    assert trained(model).traces == 1
    np.testing.assert_array_equal(before, model.layers[0].kernel.numpy())


def test_an_optimizer_of_ones_own_goes_on():
    optimizer = keras.optimizers.Adam(0.1)
    model = mlp()
    trained(model, optimizer=optimizer)
    assert trained(model, optimizer=optimizer).traces == 0
    assert int(optimizer.iterations) == 2 * 2 * 4


class Counted(keras.layers.Layer):
    """Knows how often Python has called it: once for every trace, and for nothing else."""

    calls = 0

    def call(self, inputs):
        type(self).calls += 1
        return inputs


def counted():
    return mlp(lambda: [keras.layers.Dense(4, "tanh"), Counted()])


def fitted(model, x, y, **options):
    options = {"batch_size": 8, "epochs": 2, "validation_data": (x, y)} | options
    if isinstance(model, keras.Model) and hasattr(model, "formula"):
        return model.fit(x, y, verbose=0, **options)
    return tfloss.fit_model(model, (x, y), "bce", **options)


@pytest.mark.parametrize("metrics", [None, ["accuracy"]])
def test_fit_model_traces_nothing_the_second_time(metrics):
    model, part = counted(), columns(40).values
    if metrics:
        model.compile("adam", "binary_crossentropy", metrics=metrics)
    first = fitted(model, part["inputs"], part["labels"])
    before = Counted.calls
    second = fitted(model, part["inputs"][::-1], part["labels"][::-1], epochs=5)
    assert Counted.calls == before
    assert len(second.history["loss"]) == 5
    assert second.history["loss"][-1] < first.history["loss"][0]
    fitted(model, part["inputs"][:32], part["labels"][:32])
    assert Counted.calls > before


def test_attached_fit_traces_nothing_the_second_time():
    model, part = tfloss.attach(counted(), "bce"), columns(40).values
    model.compile("adam")
    fitted(model, part["inputs"], part["labels"])
    before = Counted.calls
    fitted(model, part["inputs"][::-1], part["labels"][::-1], epochs=3)
    assert Counted.calls == before


def test_a_stream_traces_nothing_the_second_time():
    model, part = counted(), columns(40).values
    spec = {"optimizer": "sgd", "steps_per_epoch": 4, "batch_size": 10, "epochs": 2}

    def streamed(rows):
        stream = tf.data.Dataset.from_tensor_slices(rows).batch(10)
        return tfloss.fit_stream(FORMULA, stream, model, holdout=part, **spec)

    first = streamed(part)
    before = Counted.calls
    second = streamed({name: column[::-1] for name, column in part.items()})
    assert (first.traces, second.traces) == (1, 0)
    assert Counted.calls == before
    assert second.history.latest.train["total"] != first.history.latest.train["total"]


def test_a_much_longer_stream_has_a_program_of_its_own():
    """Blocks for 2 epochs hold one, for 100 ten; the shorter training goes on with the larger."""
    model, part = counted(), columns(40).values
    stream = tf.data.Dataset.from_tensor_slices(part).batch(10)

    def traces(epochs):
        spec = {"optimizer": "sgd", "steps_per_epoch": 4, "batch_size": 10, "compile": "graph"}
        return tfloss.fit_stream(FORMULA, stream, model, epochs=epochs, **spec).traces

    assert [traces(epochs) for epochs in (2, 30, 100, 2)] == [1, 0, 1, 0]


def test_programs_go_with_their_model():
    model = counted()
    trained(model)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_of_many_programs_few_are_kept():
    model = mlp()
    for rows in range(40, 46):
        trained(model, rows=rows, epochs=1)
    assert len(program_cache.cache_of(model)._kept) == program_cache._MOST


def test_what_is_kept_is_not_saved(tmp_path):
    model = mlp()
    trained(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert_same_weights(model, loaded)
    assert keras.models.clone_model(model).__dict__.get("_tfloss_programs") is None
