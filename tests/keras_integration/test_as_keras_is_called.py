"""An attached model is called, looked at, saved and loaded as a model of Keras."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfloss
from tests.keras_integration.models import Subclassed, data, functional
from tfloss.errors import UsageError

X, Y = data()


def compiled(model=None, formula="bce", **options):
    model = tfloss.attach(functional() if model is None else model, formula, **options)
    model.compile("sgd", run_eagerly=True)
    return model


def test_options_of_fit_by_position():
    """fit(x, y, batch_size, epochs, verbose, callbacks, validation_split)."""
    history = compiled().fit(X, Y, 8, 2, 0, None, 0.25)
    expected = compiled().fit(X, Y, batch_size=8, epochs=2, verbose=0, validation_split=0.25)
    assert history.params == expected.params
    np.testing.assert_allclose(history.history["val_loss"], expected.history["val_loss"], 1e-5)
    model = compiled()
    assert model.evaluate(X, Y, 8, 0) == pytest.approx(model.evaluate(X, Y, 24, 0), rel=1e-5)
    with pytest.raises(TypeError, match="multiple values for argument 'batch_size'"):
        model.fit(X, Y, 8, batch_size=8)


def test_none_is_the_default_in_the_fast_loop_too():
    weight = np.linspace(0, 2, len(Y))
    options = {"batch_size": None, "callbacks": None, "validation_batch_size": None}
    options |= {"class_weight": None, "shuffle": False, "validation_data": None}
    found = tfloss.fit_model(
        compiled(), (X, Y), sample_weight=weight, compile="eager", **options
    ).history
    expected = compiled().fit(X, Y, sample_weight=weight, shuffle=False, verbose=0).history
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=1e-5)
    with pytest.raises(UsageError, match="not both"):
        tfloss.fit_model(compiled(), (X, Y, weight), sample_weight=weight)


def test_inputs_and_labels_apart_are_answered():
    with pytest.raises(UsageError, match=r"as one pair: tfloss\.fit_model\(model, \(x, y\), …\)"):
        tfloss.fit_model(functional(), X, Y)


def test_sparse_and_ragged_inputs():
    dense = np.where(np.abs(X) > 0.5, X, 0)
    sparse = tf.sparse.from_dense(dense)
    expected = compiled().evaluate(dense, Y, batch_size=24, verbose=0)
    assert compiled().evaluate(sparse, Y, batch_size=24, verbose=0) == pytest.approx(expected)
    compiled().fit(sparse, Y, verbose=0)
    with pytest.raises(UsageError, match="needs dense arrays"):
        tfloss.fit_model(compiled(), (sparse, Y))

    class OfRagged(keras.Model):
        def __init__(self):
            super().__init__()
            self.out = keras.layers.Dense(1)

        def call(self, rows):
            return self.out(tf.reduce_sum(rows, axis=1)[:, None])

    ragged = tf.ragged.constant([[1.0], [2.0, 3.0], [4.0, 5.0, 6.0]])
    model = compiled(OfRagged(), "mse", task="regression")
    model.fit(ragged, np.ones((3, 1)), verbose=0)
    loss = model.evaluate(ragged, np.ones((3, 1)), verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(np.mean((1 - np.asarray(model(ragged))) ** 2), rel=1e-5)


def test_it_looks_like_the_model_inside(capsys):
    plain = functional()
    model = compiled(plain)
    assert model.get_layer("hidden") is plain.get_layer("hidden")
    assert model.get_layer(index=1) is plain.get_layer(index=1)
    assert model.inputs is plain.inputs
    assert model.outputs is plain.outputs
    assert (model.input_shape, model.output_shape) == ((None, 3), (None, 1))
    features = keras.Model(model.inputs, model.get_layer("hidden").output)
    assert features.output_shape == (None, 4)
    model.summary()
    assert "hidden" in capsys.readouterr().out


@pytest.mark.parametrize("make", [functional, Subclassed])
def test_weights_go_to_the_plain_network_and_back(tmp_path, make):
    model, plain = compiled(make()), make()
    model.fit(X, Y, verbose=0)
    plain(X)
    model.save_weights(tmp_path / "attached.weights.h5")
    plain.load_weights(tmp_path / "attached.weights.h5")
    np.testing.assert_allclose(plain.predict(X, verbose=0), model.predict(X, verbose=0), 1e-5)
    plain.set_weights([weight + 1 for weight in plain.get_weights()])
    plain.save_weights(tmp_path / "plain.weights.h5")
    model.load_weights(tmp_path / "plain.weights.h5")
    np.testing.assert_allclose(plain.predict(X, verbose=0), model.predict(X, verbose=0), 1e-5)
    assert not hasattr(model.model, "optimizer") or model.model.optimizer is not model.optimizer


def test_a_checkpoint_of_weights_only_keeps_the_optimizer(tmp_path):
    saver = keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.weights.h5", save_weights_only=True)
    model = compiled()
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[saver])
    again = compiled()
    again.optimizer.build(again.trainable_variables)
    again.load_weights(tmp_path / "2.weights.h5")
    assert int(again.optimizer.iterations) == int(model.optimizer.iterations) == 2
    model.save(tmp_path / "whole.keras")
    again.load_weights(tmp_path / "whole.keras")


def test_a_loss_in_compile_is_answered_with_the_formula():
    model = tfloss.attach(functional(), "bce")
    for loss in ("binary_crossentropy", keras.losses.BinaryCrossentropy()):
        with pytest.raises(UsageError, match=r"leave loss= .* is 'bce' in a formula"):
            model.compile("sgd", loss)


# -- labels, gradients, scalars -------------------------------------------------------------------


@pytest.mark.parametrize("engine", [False, True])
def test_labels_of_minus_one_and_one(engine):
    expected = keras.losses.Hinge()(2.0 * Y[:, None] - 1, functional(None)(X))
    model = compiled(functional(None), "hinge")
    y = (2 * Y - 1)[:, None]
    if engine:
        found = tfloss.fit_model(model, (X, y), compile="eager").history["loss"][0]
    else:
        found = model.fit(X, y, verbose=0).history["loss"][0]
    assert found == pytest.approx(float(expected), rel=1e-5)


def test_one_column_of_a_gradient():
    source = keras.Input((3,))
    model = keras.Model(source, keras.layers.Dense(1, name="out")(source))
    formula = "mse(column(grad(prediction, inputs), index=1), slope)"
    attached = tfloss.attach(model, formula, columns=["slope"], task="regression")
    attached.compile("sgd", jit_compile=False)
    slope = np.full((24, 1), 2.0)
    loss = attached.evaluate({"inputs": X, "slope": slope}, Y, verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx((float(model.layers[-1].kernel[1, 0]) - 2) ** 2, rel=1e-5)


class WithScalar(keras.Model):
    def __init__(self):
        super().__init__()
        self.out = keras.layers.Dense(1)

    def call(self, inputs):
        tfloss.tap("spread", tf.math.reduce_std(inputs))
        return self.out(inputs)


def test_a_scalar_that_the_model_computes_is_a_term():
    model = compiled(WithScalar(), "mse + 0.5*spread", task="regression")
    found = model.evaluate(X, Y, batch_size=24, verbose=0, return_dict=True)
    assert found["spread"] == pytest.approx(0.5 * X.std(), rel=1e-5)
    assert found["loss"] == pytest.approx(found["mse"] + found["spread"], rel=1e-5)
    weighted = compiled(WithScalar(), "spread*mse", task="regression")
    assert list(weighted.evaluate(X, Y, verbose=0, return_dict=True)) == ["loss", "spread*mse"]
    with pytest.raises(tfloss.FormulaError, match=r"no tensor|There is no loss"):
        compiled(WithScalar(), "mse + sprd", task="regression").fit(X, Y, verbose=0)
