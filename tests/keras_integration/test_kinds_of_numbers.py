"""Pixels, double and half precision in formulas."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfloss
from tests.keras_integration.models import ROWS, data, functional

X, Y = data()


def loss(model, formula, x, y=None, **options):
    ours = tfloss.attach(model, formula, **options)
    ours.compile("sgd")
    batches = tf.data.Dataset.from_tensor_slices((x,) if y is None else (x, y)).batch(ROWS)
    return ours.evaluate(batches, verbose=0, return_dict=True)["loss"]


@pytest.mark.parametrize("declared", ["uint8", "float32"])
def test_pixels(declared):
    source = keras.Input((2, 2, 1), dtype=declared)
    decoded = keras.layers.Conv2D(1, 1, name="out")(keras.layers.Rescaling(1 / 255)(source))
    model = keras.Model(source, decoded)
    pixels = np.random.default_rng(0).integers(0, 256, (ROWS, 2, 2, 1)).astype(np.uint8)
    expected = np.mean(np.square(np.asarray(model(pixels)) - pixels / 255))
    found = loss(model, "mse(inputs/255, prediction)", pixels, task="regression")
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("dtype", ["float64", "float16"])
@pytest.mark.parametrize("second", ["2*inputs", "grad(prediction, inputs)"])
def test_inputs_of_another_precision(dtype, second):
    formula = f"mse(inputs, {second})"
    given = X.astype(dtype)
    expected = loss(functional(None), formula, given.astype(np.float32), task="regression")
    assert loss(functional(None), formula, given, task="regression") == pytest.approx(expected)


def test_double_precision_everywhere():
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    try:
        source = keras.Input((1,))
        model = keras.Model(source, keras.layers.Dense(1, name="u")(source))
        kernel, bias = (w.astype(np.float64) for w in model.get_weights())
        x = X[:, :1].astype(np.float64)
        formula = "mse(grad(prediction, inputs) + prediction, 0*prediction)"
        expected = np.mean(np.square(kernel + x @ kernel + bias))
        assert loss(model, formula, x, task="regression") == pytest.approx(expected, rel=1e-5)
    finally:
        keras.config.set_floatx(before)
