"""What cannot be compiled is trained all the same, with one warning."""

from __future__ import annotations

import threading
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.engine_builders import (
    assert_same_weights,
    columns,
    engine_of,
    mlp,
    order_of,
    run_steps,
)
from tfloss.errors import PluginError
from tfloss.training.program import compiler


class ThroughNumpy(keras.layers.Layer):
    """Multiplies by one in numpy: TensorFlow's graphs can, XLA cannot."""

    def call(self, inputs):
        ones = tf.numpy_function(np.ones_like, [tf.stop_gradient(inputs)], tf.float32)
        return inputs * tf.ensure_shape(ones, inputs.shape)

    def compute_output_shape(self, input_shape):
        return input_shape


class LooksAtValues(keras.layers.Layer):
    """Decides in Python by a tensor's value, which only works while nothing is compiled."""

    def call(self, inputs):
        if isinstance(inputs, tf.Tensor) and float(tf.reduce_sum(inputs)) == 1e30:
            return -inputs
        return inputs

    def compute_output_shape(self, input_shape):
        return input_shape


def with_layer(kind):
    return mlp(lambda: [keras.layers.Dense(4, activation="sigmoid"), kind()])


def trained(registry, model, compile):
    engine = engine_of(registry, model, compile=compile)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for first in (0, 2):
            engine.run(order_of(engine, 2, first), first * engine.steps_per_epoch)
    return engine, [str(w.message) for w in caught if "compile" in str(w.message)]


def test_what_xla_refuses_goes_on_in_the_graph_executor(registry):
    model, plain = with_layer(ThroughNumpy), mlp()
    engine, said = trained(registry, model, "xla")
    assert engine.compiled_as == "graph"
    assert len(said) == 1
    assert said[0].startswith("XLA cannot compile this training; it goes on in TensorFlow's graph")
    trained(registry, plain, "graph")
    assert_same_weights(model, plain)


@pytest.mark.parametrize("compile", ["xla", "graph"])
def test_what_cannot_be_traced_goes_on_step_by_step(registry, compile):
    model, plain = with_layer(LooksAtValues), mlp()
    engine, said = trained(registry, model, compile)
    assert engine.compiled_as == "eager"
    assert len(said) == 1
    assert "step by step" in said[0]
    trained(registry, plain, "graph")
    assert_same_weights(model, plain)


def test_a_look_at_every_batch_falls_back_as_well(registry):
    engine = engine_of(registry, with_layer(LooksAtValues), holdout=columns(4), compile="xla")
    with pytest.warns(UserWarning, match="goes on step by step") as caught:
        run_steps(engine, order_of(engine, 2))
    assert len(caught) == 1


def test_nothing_is_said_where_nothing_is_wrong(registry):
    for compile in ("xla", "graph", "eager"):
        engine, said = trained(registry, mlp(), compile)
        assert engine.compiled_as == compile
        assert said == []


def test_a_broken_loss_is_no_reason_to_fall_back(registry):
    engine = engine_of(registry, mlp(), compile="graph")

    def broken(*args, **kwargs):
        raise PluginError("The loss 'bce' is broken.")

    engine.forward.objective = broken
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PluginError):
            engine.run(order_of(engine, 1), 0)


def test_a_long_first_call_says_what_it_is_doing(monkeypatch):
    monkeypatch.setattr(compiler, "PATIENCE", 0.0)
    waited = threading.Event()
    monkeypatch.setattr(
        compiler.warnings, "warn", lambda text, **_: said.append(text) or waited.set()
    )
    said = []

    def body(x):
        assert waited.wait(60)  # while it is traced
        return x + 1

    program = compiler.Compiled(body, "xla", progress=lambda: 0)
    assert float(program(tf.constant(1.0))) == 2.0
    assert float(program(tf.constant(2.0))) == 3.0
    assert said == ["XLA is compiling this training, for more than 0 s so far; it is done once."]
