"""One test for each private name of Keras that tfloss reads."""

from __future__ import annotations

import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfloss
from tfloss.student import keras_internals as internals

PACKAGE = Path(tfloss.__file__).parent
NAMES = re.compile(
    r"\._(flatten_layers|functional|inputs_struct|outputs_struct|nodes_by_depth|inbound_nodes|"
    r"outbound_nodes|call_has_training_arg|trainable_variables|tracker|track_variable|"
    r"loss_tracker|compile_metrics|initial_epoch|learning_rate|keras_mask|keras_logits|keras_history)\b"
)


def graph() -> keras.Model:
    source = keras.Input((3,), name="rows")
    hidden = keras.layers.Dense(4, name="hidden")(source)
    return keras.Model({"rows": source}, {"out": keras.layers.Dense(1, name="out")(hidden)})


def test_only_this_file_reads_private_names_of_keras():
    for path in PACKAGE.rglob("*.py"):
        if path.name != "keras_internals.py":
            text = re.sub(r"\bself\._\w+", "", path.read_text())
            assert not NAMES.search(text), path


def test_flatten_layers():
    inner = keras.Sequential([keras.layers.Dense(1, name="deep")], name="inner")
    outer = keras.Sequential([inner, keras.layers.Dense(1, name="last")])
    assert [layer.name for layer in internals.sublayers(outer)] == ["inner", "last"]
    names = {layer.name for layer in internals.sublayers(outer, recursive=True)}
    assert names == {"inner", "last", "deep"}


def test_functional():
    sequential = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    assert internals.graph_of(sequential).outputs[0].shape == (None, 1)
    model = graph()
    assert internals.graph_of(model) is model

    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    assert internals.graph_of(Own()) is None


def test_inputs_and_outputs_struct():
    model = graph()
    assert list(internals.input_structure(model)) == ["rows"]
    assert list(internals.output_structure(model)) == ["out"]


def test_nodes_by_depth():
    called = [node.operation.name for node in internals.nodes_in_order(graph())]
    assert called == ["rows", "hidden", "out"]


def test_inbound_and_outbound_nodes():
    layer = graph().get_layer("hidden")
    twin = internals.never_called(layer, activation=keras.activations.relu)
    assert twin.kernel is layer.kernel
    assert twin.activation is keras.activations.relu
    assert layer.output.shape == (None, 4)
    with pytest.raises(AttributeError, match="never been called"):
        _ = internals.never_called(layer).output  # it stands in no graph, as the layer does


def test_call_has_training_arg():
    class Without(keras.Model):
        def call(self, inputs):
            return inputs

    assert internals.takes_training(graph())
    assert not internals.takes_training(Without())


def test_trainable_variables_of_its_own():
    class Scale(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)
            self.dense.build((None, 2))
            self.scale = self.add_weight(shape=(), name="scale")
            self.fixed = self.add_weight(shape=(), name="fixed", trainable=False)

    assert [v.name for v in internals.variables_of_its_own(Scale())] == ["scale"]


def test_track_variable_of_a_layer_that_has_been_built():
    layer = keras.layers.Dense(1)
    layer.build((None, 2))
    internals.track_variable(layer, keras.Variable(1.0, name="more"))
    internals.track_variable(layer, keras.Variable(1.0, name="fixed", trainable=False))
    assert [v.name for v in layer.trainable_variables] == ["kernel", "bias", "more"]
    assert [v.name for v in layer.non_trainable_variables] == ["fixed"]
    with pytest.raises(ValueError, match="cannot add new elements of state"):
        layer.later = keras.Variable(1.0)  # locked as it was


def test_loss_tracker_and_compiled_metrics():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    x = np.ones((4, 1))
    logs = model.evaluate(x, x, verbose=0, return_dict=True)
    assert float(internals.loss_tracker(model).result()) == pytest.approx(logs["loss"])
    assert float(internals.compiled_metrics(model).result()["mae"]) == pytest.approx(logs["mae"])


def test_initial_epoch():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    later = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: internals.begin_at_epoch(model, 2)
    )
    x = np.ones((4, 1))
    assert model.fit(x, x, epochs=3, callbacks=[later], verbose=0).epoch == [2]


def test_learning_rate():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    assert internals.rate_is_a_schedule(keras.optimizers.SGD(schedule))
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(schedule))
    assert internals.rate_is_a_schedule(scaled)
    assert not internals.rate_is_a_schedule(keras.optimizers.SGD(0.1))


def test_keras_mask():
    embedded = keras.layers.Embedding(5, 2, mask_zero=True)(np.array([[1, 0]]))
    np.testing.assert_array_equal(internals.mask_at(embedded), [[True, False]])
    assert internals.first_mask([tf.ones(1), embedded]) is internals.mask_at(embedded)
    assert internals.first_mask([tf.ones(1)]) is None
    noted = tf.ones((1, 2, 1))
    internals.note_mask(noted, tf.constant([[True, False]]))
    pooled = keras.layers.GlobalAveragePooling1D()  # takes the mask of what it is given
    assert pooled(tf.constant([[[1.0], [5.0]]]), mask=internals.mask_at(noted)).numpy() == 1


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_keras_logits(activation):
    logits = tf.constant([[1.0, 2.0]])
    noted = internals.logits_at(keras.layers.Activation(activation)(logits))
    np.testing.assert_array_equal(noted, logits)
    assert internals.logits_at(logits) is None
    probs = tf.constant([[0.5]])
    internals.note_logits(probs, tf.constant([[30.0]]))
    loss = keras.losses.BinaryCrossentropy()(np.ones((1, 1)), probs)
    assert float(loss) == pytest.approx(0, abs=1e-6)  # Keras computes from the note


def test_batches_done_counts_those_whose_gradients_are_only_added():
    variable = keras.Variable(1.0)
    optimizer = keras.optimizers.SGD(0.1, gradient_accumulation_steps=3)
    for _ in range(4):
        optimizer.apply([tf.constant(1.0)], [variable])
    assert int(optimizer.iterations) == 1
    assert int(internals.batches_done(optimizer)) == 4
    scaled = keras.optimizers.LossScaleOptimizer(optimizer)
    assert int(internals.batches_done(scaled)) == 4


def test_metrics_of_its_own():
    inner = keras.layers.Dense(1, name="inner")
    inner.seen = keras.metrics.Mean(name="seen")
    model = keras.Sequential([keras.Input((1,)), inner])
    model.compile("sgd", "mse", metrics=["mae"])
    assert [metric.name for metric in internals.metrics_of_its_own(model)] == ["seen"]
