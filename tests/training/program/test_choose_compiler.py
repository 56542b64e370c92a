"""XLA or the graph executor: by what a step does, and how many are ahead."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.engine_builders import engine_of, mlp
from tfloss.training.program.choose_compiler import SLOW, STEPS, STEPS_WITH_LOOPS, choose, ops_of


class Windows(keras.layers.Layer):
    """A convolution that is no layer of Keras."""

    def call(self, inputs):
        return tf.nn.conv1d(inputs[..., None], tf.ones((3, 1, 1)), 1, "SAME")[..., 0]


def choice(layers, steps, registry, compile="auto", before=None):
    engine = engine_of(registry, mlp(layers), compile="graph")
    return engine.chosen(compile, steps, before)


def dense():
    return [keras.layers.Dense(4, "tanh"), keras.layers.Dropout(0.5)]


def recurrent():
    return [keras.layers.Reshape((6, 1)), keras.layers.GRU(3)]


def pooled():
    return [
        keras.layers.Reshape((6, 1)),
        keras.layers.MaxPooling1D(2),
        keras.layers.Flatten(),
    ]


@pytest.mark.parametrize(
    ("layers", "steps", "chosen"),
    [
        (dense, STEPS - 1, "graph"),
        (dense, STEPS, "xla"),
        (dense, None, "xla"),
        (recurrent, STEPS_WITH_LOOPS - 1, "graph"),
        (recurrent, STEPS_WITH_LOOPS, "xla"),
        (lambda: [Windows()], None, "graph"),
        (pooled, None, "graph"),
    ],
)
def test_what_is_chosen(registry, layers, steps, chosen):
    found = choice(layers, steps, registry)
    assert found.compiled_as == chosen
    assert found == choice(layers, steps, registry)
    assert 10 < len(found.reason) < 120


def test_what_was_asked_for_is_done(registry):
    assert choice(lambda: [Windows()], None, registry, "xla").compiled_as == "xla"
    assert choice(dense, STEPS, registry, "eager", before="xla").compiled_as == "eager"


def test_a_checkpoint_repeats_its_choice(registry):
    found = choice(dense, 10, registry, before="xla")
    assert (found.compiled_as, found.reason) == ("xla", "as in the checkpoint")


def test_a_gpu_has_a_library_for_convolutions(monkeypatch):
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: ["a device"])
    assert choose("auto", STEPS, lambda: frozenset({"Conv2D"})).compiled_as == "xla"


def test_short_trainings_are_not_looked_at():
    def never():
        raise AssertionError

    assert choose("auto", 10, never).compiled_as == "graph"


def test_the_slow_operations_are_tensorflows():
    """Every name of the table that is an operation has a gradient in the table, and most are."""
    known = {name for name in dir(tf.raw_ops) if not name.startswith("_")}
    for slow in SLOW:
        assert len(slow.ops & known) >= 3, slow.what


def test_what_cannot_be_traced_has_no_operations():
    spec = tf.TensorSpec((2,), tf.float32)
    assert ops_of(lambda x: float(x), [spec]) == frozenset()
    found = ops_of(lambda x: tf.while_loop(lambda y: y[0] < 1, lambda y: [tf.sin(y)], [x]), [spec])
    assert {"While", "Sin"} <= found or {"StatelessWhile", "Sin"} <= found
    assert np.all([isinstance(name, str) for name in found])
