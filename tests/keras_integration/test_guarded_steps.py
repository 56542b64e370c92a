"""NaN never reaches the weights under Keras' own fit of an attached model."""

from __future__ import annotations

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfloss
from tests.keras_integration.models import ROWS, Subclassed, data, functional
from tfloss.errors import NumericsError, UsageError

X, Y = data()
BAD = 13


def broken(value=np.nan):
    x = X.copy()
    x[BAD, 1] = value
    return x


def state(model):
    return [np.asarray(v) for v in (*model.variables, *model.optimizer.variables)]


def attached(model=None, formula="bce + 0.1*mse(hidden, 2*hidden)", rate=0.1, **options):
    made = tfloss.attach(functional() if model is None else model, formula, **options)
    made.compile(keras.optimizers.Adam(rate), metrics=["accuracy"])
    return made


@pytest.mark.parametrize("eager", [False, True], ids=["compiled", "eager"])
def test_it_stops_before_the_weights_and_names_term_and_row(eager):
    model, twin = attached(), attached()
    model.compile(keras.optimizers.Adam(0.1), run_eagerly=eager)
    with pytest.raises(NumericsError) as raised:
        model.fit(broken(), Y, batch_size=6, shuffle=False, verbose=0)
    message = str(raised.value)
    assert message.startswith("At step 2 the value of 'bce' and 'mse(hidden, 2*hidden)' is not a")
    assert f"'inputs' is not finite in row {BAD} of the data" in message
    assert "The weights are those of step 2." in message
    twin.fit(X[:12], Y[:12], batch_size=6, shuffle=False, verbose=0)
    for one, other in zip(state(model), state(twin), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


def test_the_row_is_found_though_keras_shuffles():
    with pytest.raises(NumericsError, match=f"in row {BAD} of the data"):
        attached().fit(broken(), Y, batch_size=6, verbose=0)


def test_batches_of_a_dataset_have_rows_of_their_own():
    batches = tf.data.Dataset.from_tensor_slices((broken(), Y)).batch(6)
    with pytest.raises(NumericsError, match=f"At step 2 .*in row {BAD - 12} of the batch"):
        attached().fit(batches, verbose=0)


def test_the_row_that_overflows_is_named_though_it_is_finite():
    x = X.copy()
    x[BAD] = 3e38
    model = functional(None)
    with pytest.raises(NumericsError, match=f"because of row {BAD} of the data.*Look at"):
        attached(model, "mse(inputs, 0*inputs) + bce").fit(x, Y, shuffle=False, verbose=0)


@tfloss.loss
def steep(labels, logits):
    """Finite, with a gradient that is not, where the logits are 0."""
    return tf.sqrt(tf.abs(logits[:, 0]))


def test_a_gradient_alone_is_named_with_its_weights():
    model = functional(None)
    for weight in model.weights:
        weight.assign(tf.zeros_like(weight))
    with pytest.raises(NumericsError, match=r"the gradient of 'steep' by '.*kernel'"):
        attached(model, "steep + bce", losses=[steep]).fit(X, Y, verbose=0)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def with_normalization():
    keras.utils.set_random_seed(0)
    source = keras.Input((3,), name="rows")
    hidden = keras.layers.Dense(4, name="hidden")(keras.layers.BatchNormalization()(source))
    return keras.Model(source, keras.layers.Dense(1, "sigmoid")(keras.layers.Dropout(0.3)(hidden)))


@pytest.mark.parametrize("make", [functional, with_normalization, Subclassed])
@pytest.mark.parametrize("steps", [1, 4], ids=["each step", "four in one call"])
def test_skipping_leaves_out_the_step_and_nothing_else(make, steps):
    """As if the batch were not there: weights, moving averages, optimizer, seeds and metrics."""
    whole = [slice(0, 6), slice(6, 12), slice(18, 24)]
    x = np.concatenate([X[part] for part in whole])
    y = np.concatenate([Y[part] for part in whole])
    model, twin = attached(make(), "bce", on_nan="skip"), attached(make(), "bce", on_nan="skip")
    for each in (model, twin):
        each.predict(X, verbose=0)  # makes the weights of a subclassed model
    twin.set_weights(model.get_weights())
    model.compile(keras.optimizers.Adam(0.1), metrics=["accuracy"], steps_per_execution=steps)
    assert model.on_nan == "skip"
    with pytest.warns(UserWarning, match="was left out, since it is not finite"):
        history = model.fit(broken(), Y, batch_size=6, epochs=2, shuffle=False, verbose=0)
    expected = twin.fit(x, y, batch_size=6, epochs=2, shuffle=False, verbose=0)
    for one, other in zip(state(model), state(twin), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    for name, values in expected.history.items():
        np.testing.assert_allclose(history.history[name], values, rtol=1e-4)


def test_an_epoch_of_nothing_but_bad_steps_is_the_end():
    x = np.full_like(X, np.nan)
    model = attached(on_nan="skip")
    warned = pytest.warns(UserWarning, match="left out")
    with warned, pytest.raises(NumericsError, match="not a finite number"):
        model.fit(x, Y, batch_size=6, epochs=3, verbose=0)


def test_lowering_halves_the_learning_rate_and_goes_on():
    model = tfloss.attach(functional(None), "mse")
    model.compile(keras.optimizers.SGD(1e38), on_nan="lower")
    with pytest.warns(UserWarning, match="halved") as warned, pytest.raises(NumericsError):
        model.fit(1e3 * X, Y, batch_size=6, epochs=40, verbose=0)
    assert len(warned) == 10
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_lowering_helps_where_the_rate_is_just_too_high():
    @tfloss.loss
    def cliff(labels, logits):
        """Infinite beyond 2."""
        return tf.where(tf.abs(logits[:, 0]) < 2, logits[:, 0] - labels[:, 0], np.inf)

    model = tfloss.attach(functional(None), "cliff", losses=[cliff], on_nan="lower")
    model.compile(keras.optimizers.SGD(3.0))
    with pytest.warns(UserWarning, match="halved"):
        history = model.fit(X[:4], Y[:4], epochs=2, verbose=0).history["loss"]
    assert np.isfinite(history).all()
    assert float(model.optimizer.learning_rate) < 3


@pytest.mark.parametrize(
    ("compile", "words"),
    [
        ({"on_nan": "skp"}, "on_nan cannot be 'skp'. Did you mean 'skip'"),
        ({"on_nan": "lower", "steps_per_execution": 2}, "needs steps_per_execution=1"),
        (
            {
                "on_nan": "lower",
                "optimizer": keras.optimizers.SGD(
                    keras.optimizers.schedules.ExponentialDecay(0.1, 9, 0.9)
                ),
            },
            "needs a learning rate that is a number",
        ),
    ],
)
def test_what_is_refused(compile, words):
    model = tfloss.attach(functional(), "bce")

    def training():
        model.compile(**compile)
        model.fit(X, Y, verbose=0)

    with pytest.raises(UsageError, match=re.escape(words)):
        training()


def test_missing_labels_are_no_fault_and_train_on_batch_is_guarded():
    labels = Y.astype(np.float32)
    labels[::2] = np.nan
    model = attached()
    model.train_on_batch(X[:6], labels[:6])
    before = state(model)
    with pytest.raises(NumericsError, match="in row 1 of the batch"):
        model.train_on_batch(broken()[12:18], labels[12:18])
    for one, other in zip(state(model), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_it_is_saved_with_the_model(tmp_path):
    model = tfloss.attach(functional(), "bce", on_nan="skip")
    model.compile("adam", on_nan="lower")
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.on_nan == "lower"


def test_rows_count_in_the_last_batch_too():
    with pytest.raises(NumericsError, match="At step 1 "):
        attached().fit(broken(), Y, batch_size=ROWS // 2, shuffle=False, verbose=0)
