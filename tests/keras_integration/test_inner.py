"""Inner tensors: nested models by path, several outputs, second calls, tensors that `tap` names."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import tfloss
from tests.keras_integration.models import ROWS, Subclassed, data, functional
from tfloss.formula import FormulaError

X, Y = data()


def loss_of(model, formula, x=X, y=Y, **options):
    attached = tfloss.attach(model, formula, **options)
    attached.compile("sgd")
    attached.fit(x, y, epochs=1, batch_size=ROWS, verbose=0)  # the names hold in training, too
    return attached.evaluate(x, y, batch_size=ROWS, verbose=0, return_dict=True)["loss"]


def encoder():
    layers = [keras.layers.Dense(4, "tanh", name="wide"), keras.layers.Dense(2, name="code")]
    return keras.Sequential([keras.Input((3,)), *layers], name="encoder")


def twice_encoded():
    keras.utils.set_random_seed(0)
    inner = encoder()
    left, right = keras.Input((3,), name="left"), keras.Input((3,), name="right")
    both = keras.layers.Concatenate()([inner(left), inner(right)])
    return keras.Model([left, right], keras.layers.Dense(1, name="out")(both)), inner


def test_layers_of_a_model_inside_by_path_and_by_call():
    model, inner = twice_encoded()
    x = {"left": X, "right": -2 * X}
    formula = "mse(encoder.wide, 0*encoder.wide) + mse(encoder.wide.call2, encoder.call2_) "
    with pytest.raises(FormulaError, match=r"no tensor 'encoder\.call2_'"):
        tfloss.attach(model, formula)
    for name, rows in [("encoder.wide", X), ("encoder.wide.call2", -2 * X)]:
        loss = loss_of(model, f"mse({name}, 0*{name})", x)
        wide = np.asarray(inner.get_layer("wide")(rows))
        assert loss == pytest.approx(np.mean(wide**2), rel=1e-5)
    code = np.asarray(inner(-2 * X))
    assert loss_of(model, "mse(encoder.call2, 0*encoder.call2) + 0*l2", x) == pytest.approx(
        np.mean(code**2), abs=0.05
    )


def test_a_layer_with_several_outputs():
    source = keras.Input((5, 3))
    lstm = keras.layers.LSTM(2, return_sequences=True, return_state=True, name="lstm")
    states = lstm(source)
    model = keras.Model(source, keras.layers.Dense(1, name="out")(states[1]))
    x = np.random.default_rng(0).normal(size=(ROWS, 5, 3)).astype(np.float32)
    loss = loss_of(model, "mse(lstm.out3, 0*lstm.out3)", x)
    assert loss == pytest.approx(np.mean(np.asarray(lstm(x)[2]) ** 2), rel=1e-4)
    with pytest.raises(FormulaError, match=r"There is no tensor 'lstm'\. Did you mean 'lstm\.out"):
        tfloss.attach(model, "mse(lstm, lstm)")


def test_taps_of_a_subclassed_model():
    model = Subclassed()
    loss = loss_of(model, "mse(middle, 0*middle)")
    assert loss == pytest.approx(np.mean(4 * np.asarray(model.hidden(X)) ** 2), rel=1e-5)
    assert loss_of(model, "mse(hidden, 0*hidden)") < loss  # its layers are seen without a tap
    attached = tfloss.attach(Subclassed(), "bce + mse(midle, midle)")
    attached.compile("sgd")
    with pytest.raises(FormulaError, match="Did you mean 'middle'"):
        attached.fit(X, Y, verbose=0)


def test_weights_of_a_subclassed_model_by_path():
    model = Subclassed()
    model(X)
    assert loss_of(model, "l2('hidden/kernel')") == pytest.approx(
        np.sum(np.asarray(model.hidden.kernel) ** 2), rel=1e-5
    )


def test_outside_of_a_training_a_tap_does_nothing():
    tensor = object()
    assert tfloss.tap("anything", tensor) is tensor
    model = functional()
    loss_of(model, "mse(hidden, hidden) + bce")
    assert "call" not in vars(model.get_layer("hidden"))


def test_slopes_of_the_output():
    """Each row's gradient with respect to the inputs: of a linear model, its weights."""
    source = keras.Input((3,))
    model = keras.Model(source, keras.layers.Dense(1, name="out")(source))
    kernel = np.asarray(model.get_layer("out").kernel)
    attached = tfloss.attach(model, "mse(grad(prediction, inputs), slope)", columns=["slope"])
    attached.compile("sgd")
    y = {"slope": np.zeros((ROWS, 3), np.float32)}
    assert attached.evaluate(X, y, verbose=0)[0] == pytest.approx(np.mean(kernel**2), rel=1e-5)


def test_a_mask_of_examples_leaves_them_out():
    @keras.saving.register_keras_serializable(package="tests")
    class Skips(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.supports_masking = True

        def compute_mask(self, inputs, mask=None):
            return keras.ops.any(inputs != 0, axis=-1)

        def call(self, inputs):
            return inputs

    source = keras.Input((3,))
    keras.utils.set_random_seed(0)
    model = keras.Model(source, keras.layers.Dense(1, "sigmoid")(Skips()(source)))
    x = X.copy()
    x[6:] = 0
    attached = tfloss.attach(model, "bce")
    attached.compile("sgd")
    whole = attached.evaluate(x, Y, batch_size=ROWS, verbose=0)
    assert whole == pytest.approx(attached.evaluate(x[:6], Y[:6], verbose=0), rel=1e-5)


def test_what_is_no_logit_is_said():
    class Hidden(keras.Model):
        def call(self, inputs):
            return inputs[:, :1] * 0.1 + 0.5

    attached = tfloss.attach(Hidden(), "bce", from_logits=False)
    attached.compile("sgd")
    expected = keras.losses.BinaryCrossentropy()(Y[:, None], X[:, :1] * 0.1 + 0.5)
    found = attached.evaluate(X, Y, verbose=0, return_dict=True)["loss"]
    assert found == pytest.approx(float(expected), rel=1e-5)
