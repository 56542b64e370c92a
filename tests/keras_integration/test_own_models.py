"""What models of one's own look like beyond the simplest: own layers, dictionaries, pandas."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfloss
from tests.keras_integration.models import ROWS, data, forward, functional

X, Y = data()


def attached(model, formula, metrics=None, **options):
    model = tfloss.attach(model, formula, **options)
    model.compile(keras.optimizers.SGD(0.1), metrics=metrics)
    return model


def loss(model, x=X, y=Y):
    return model.evaluate(x, y, batch_size=ROWS, verbose=0, return_dict=True)["loss"]


class Doubled(keras.layers.Layer):
    def call(self, inputs):
        return tfloss.tap("doubled", 2.0 * inputs)


def with_own_layer():
    source = keras.Input((3,))
    return keras.Model(source, keras.layers.Dense(1)(Doubled(name="doubling")(source)))


def test_a_tap_in_a_layer_of_a_functional_model():
    assert loss(attached(with_own_layer(), "mse(doubled, 0*doubled)")) == pytest.approx(
        np.mean(4 * X**2), rel=1e-5
    )
    with pytest.raises(tfloss.FormulaError, match="Did you mean 'doubled' or 'doubling'"):
        tfloss.attach(with_own_layer(), "mse(doubld, doubld)")


class OfDictionary(keras.Model):
    def __init__(self):
        super().__init__()
        self.out = keras.layers.Dense(1, "sigmoid")

    def call(self, inputs):
        return self.out(inputs["left"] - inputs["right"])


def test_inputs_of_a_subclassed_model_by_name():
    x = {"left": X, "right": 3 * X}
    model = attached(OfDictionary(), "mse(right, left) + 0*bce")
    model.fit(x, Y, verbose=0)
    assert loss(model, x) == pytest.approx(np.mean(4 * X**2), rel=1e-5)


def test_frames_and_series_of_pandas():
    pandas = pytest.importorskip("pandas")
    frame, series = pandas.DataFrame(X), pandas.Series(Y)
    model = attached(functional(), "bce")
    assert loss(model, frame, series) == loss(model)
    model.fit(frame, series, validation_data=(frame, series), verbose=0)


def test_callbacks_may_watch_a_term():
    stop = keras.callbacks.EarlyStopping("val_mse(hidden, 0*hidden)", patience=0, min_delta=10)
    model = attached(functional(), "bce + mse(hidden, 0*hidden)")
    history = model.fit(X, Y, validation_split=0.5, epochs=4, callbacks=stop, verbose=0)
    assert len(history.epoch) == 2  # less is better, and it never gets less by 10


def test_compile_takes_metrics_by_position():
    model = tfloss.attach(functional(), "bce")
    model.compile("sgd", None, None, ["accuracy"])
    assert "accuracy" in model.fit(X, Y, verbose=0).history


def test_keras_registers_a_loss_of_ones_own(tmp_path):
    @keras.saving.register_keras_serializable(package="tests")
    @tfloss.loss
    def half(labels, probs):
        return tf.reduce_sum((labels - probs) ** 2, axis=-1) / 2

    model = attached(functional(), "half", losses=[half])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loss(loaded) == pytest.approx(loss(model))
    assert loss(model) == pytest.approx(np.mean((Y[:, None] - forward(model, X)) ** 2) / 2, 1e-5)


def test_a_loss_that_is_not_there_when_loading(tmp_path):
    @tfloss.loss
    def gone(labels, probs):
        return tf.reduce_sum(labels - probs, axis=-1)

    attached(functional(), "gone", losses=[gone]).save(tmp_path / "model.keras")
    with pytest.raises(tfloss.UsageError, match=r"custom_objects=.name: loss."):
        keras.models.load_model(tmp_path / "model.keras")


def test_an_h5_file_cannot_keep_a_formula(tmp_path):
    with pytest.raises(tfloss.UsageError, match=r"saved as \.keras"):
        attached(functional(), "bce").save(tmp_path / "model.h5")
