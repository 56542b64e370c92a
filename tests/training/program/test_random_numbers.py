"""Random layers draw the same numbers under XLA as in the graph executor."""

from __future__ import annotations

import importlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.engine_builders import assert_same_weights, engine_of, mlp, order_of
from tfloss.training.program import random_numbers
from tfloss.training.program.random_numbers import (
    drawn_as_by_the_graph_executor,
    traced_for_xla,
)

ROWS = np.ones((6, 5), np.float32)

SAME_BYTES = {
    "Dropout": lambda: keras.layers.Dropout(0.5, seed=3),
    "SpatialDropout1D": lambda: keras.layers.SpatialDropout1D(0.5, seed=3),
    "AlphaDropout": lambda: keras.layers.AlphaDropout(0.5, seed=3),
}
NEARLY = {
    "GaussianNoise": lambda: keras.layers.GaussianNoise(1.0, seed=3),
    "GaussianDropout": lambda: keras.layers.GaussianDropout(0.5, seed=3),
}


def twice(call, how):
    """Two calls in the graph executor ('graph'), or traced for XLA as our programs are."""

    def body():
        if how == "graph":
            return call()
        with drawn_as_by_the_graph_executor():
            return call()

    program = tf.function(body, jit_compile=how == "xla", autograph=False)
    return np.stack([program().numpy() for _ in range(2)])


def answers(make, how):
    layer, rows = make(), tf.constant(ROWS[:, None] if "Spatial" in str(make()) else ROWS)
    return twice(lambda: layer(rows, training=True), how)


@pytest.mark.parametrize("name", SAME_BYTES)
def test_layers_of_uniform_numbers_leave_out_the_same(name):
    graph, xla = (answers(SAME_BYTES[name], how) for how in ("graph", "xla"))
    if name == "AlphaDropout":  # multiplies and adds, which XLA may do in one instruction
        np.testing.assert_allclose(graph, xla, atol=1e-6)
    else:
        assert graph.tobytes() == xla.tobytes()
    assert not np.array_equal(graph[0], graph[1])  # and others the next time


@pytest.mark.parametrize("name", NEARLY)
def test_layers_of_normal_numbers_differ_in_rounding_only(name):
    graph, xla = (answers(NEARLY[name], how) for how in ("graph", "xla"))
    np.testing.assert_allclose(graph, xla, atol=2e-6)


@pytest.mark.parametrize("shape", [(7,), (2, 3), (0,)])
def test_keras_random(shape):
    def draw(how):
        seed = keras.random.SeedGenerator(4)
        return twice(lambda: keras.random.normal(shape, seed=seed), how)

    np.testing.assert_allclose(draw("graph"), draw("xla"), atol=2e-6)


def test_a_generator_that_somebody_chose_is_kept():
    def draw(how):
        seed = tf.constant([1, 2])
        return twice(lambda: tf.random.stateless_uniform([4], seed, alg="threefry"), how)

    def plainly():
        return tf.random.stateless_uniform([4], tf.constant([1, 2]), alg="threefry")

    plain = tf.function(plainly, jit_compile=True, autograph=False)
    np.testing.assert_array_equal(draw("xla")[0], plain().numpy())


def test_a_training_with_dropout_is_the_same_by_either_compiler(registry):
    def trained(how):
        model = mlp(lambda: [keras.layers.Dense(8, "tanh"), keras.layers.Dropout(0.5, seed=1)])
        engine = engine_of(registry, model, compile=how)
        engine.run(order_of(engine, 3), 0)
        return model

    assert_same_weights(trained("graph"), trained("xla"))


def test_nothing_of_tensorflow_is_changed_afterwards():
    def names():
        places = (random_numbers._CHOICE, random_numbers._UNIFORM, random_numbers._NORMAL)
        return [getattr(importlib.import_module(m), name) for m, name in places]

    def traced():
        during.append(names())
        raise ZeroDivisionError

    before, during = names(), []
    with pytest.raises(ZeroDivisionError):
        traced_for_xla(traced)()
    assert during != [before]
    assert names() == before


def test_another_tensorflow_traces_as_before(monkeypatch):
    monkeypatch.setattr(random_numbers, "_CHOICE", ("tensorflow.python.ops.gone", "gone"))
    layer = keras.layers.Dropout(0.5, seed=3)
    with drawn_as_by_the_graph_executor():
        assert layer(ROWS, training=True).shape == ROWS.shape
