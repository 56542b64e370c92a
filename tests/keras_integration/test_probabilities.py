"""Probabilities that arithmetic made, trained as Keras trains them (keras#2775, #3370)."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import tfloss
from tests.keras_integration.models import ROWS, data
from tfloss.errors import UsageError

X, Y = data()
layers = keras.layers
NUMBERS = np.arange(ROWS) % 3
MANY = (np.random.default_rng(0).random((ROWS, 3)) > 0.5).astype(np.float32)


def averaged(units, activation):
    return lambda x: layers.Average()([layers.Dense(units, activation)(x) for _ in range(3)])


def mixture(x):
    gate = layers.Dense(2, "softmax")(x)
    experts = [layers.Dense(3, "softmax")(x) for _ in range(2)]
    return keras.ops.sum(gate[:, None, :] * keras.ops.stack(experts, -1), -1)


SPARSE = "sparse_categorical_crossentropy"
KINDS = {
    "averaged softmaxes": (averaged(3, "softmax"), NUMBERS, "ce", SPARSE),
    "averaged sigmoids": (averaged(1, "sigmoid"), Y, "bce", "binary_crossentropy"),
    "columns": (averaged(3, "sigmoid"), MANY, "bce", "binary_crossentropy"),
    "a mixture of experts": (mixture, NUMBERS, "ce", SPARSE),
    "one minus": (lambda x: 1 - layers.Dense(1, "sigmoid")(x), Y, "bce", "binary_crossentropy"),
    "a product": (
        lambda x: layers.Dense(1, "sigmoid")(x) * layers.Dense(1, "sigmoid")(x),
        Y, "bce", "binary_crossentropy",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_said_to_be_a_probability_is_trained_as_in_keras(kind):
    output, y, formula, name = KINDS[kind]

    def network():
        keras.utils.set_random_seed(0)
        source = keras.Input((3,))
        return keras.Model(source, output(source))

    options = {"batch_size": ROWS, "epochs": 2, "verbose": 0}
    plain, inner = network(), network()
    plain.compile(keras.optimizers.SGD(0.5), name)
    expected = plain.fit(X, y, **options).history["loss"]
    model = tfloss.attach(inner, formula, from_logits=False)
    model.compile(keras.optimizers.SGD(0.5))
    np.testing.assert_allclose(model.fit(X, y, **options).history["loss"], expected, rtol=1e-5)
    for ours, theirs in zip(inner.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    guessing = tfloss.attach(network(), formula)
    guessing.compile("sgd")
    with pytest.raises(UsageError, match=r"changed by arithmetic.* from_logits=False"):
        guessing.evaluate(X, y, verbose=0)
    loss = tfloss.Loss(formula, from_logits=False)
    plain.compile("sgd", loss)
    ours = plain.evaluate(X, y, verbose=0)
    plain.compile("sgd", name)
    assert ours == pytest.approx(plain.evaluate(X, y, verbose=0), rel=1e-5)


def test_a_gate_and_a_layer_without_bias_are_no_probabilities():
    source = keras.Input((3,))
    gated = layers.Dense(1)(source) * layers.Dense(1, "sigmoid")(source)
    plain = layers.Dense(1, use_bias=False)(layers.Dense(4, "sigmoid")(source))
    for output in (gated, plain):
        model = tfloss.attach(keras.Model(source, output), "bce")
        model.compile("sgd")
        model.evaluate(X, Y, verbose=0)
