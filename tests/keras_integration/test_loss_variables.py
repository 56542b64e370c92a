"""Losses with variables of their own in an attached model: trained, counted, saved and loaded."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfloss
from tests.keras_integration.models import Subclassed, data, functional
from tfloss.errors import UsageError

X, Y = data()


@tfloss.loss(
    state=lambda shapes, settings: {
        "projection": tfloss.LossVariable((shapes["hidden"][-1], 2), "glorot_uniform"),
        "memory": tfloss.LossVariable((2,), trainable=False),
    }
)
def projected(hidden, labels, *, state):
    """A linear map of an inner tensor near to the label; remembers the mean of what it maps to."""
    mapped = hidden @ state["projection"]
    state.update("memory", 0.9 * state["memory"] + 0.1 * tf.reduce_mean(mapped, axis=0))
    return tf.reduce_sum((mapped - labels) ** 2, axis=-1)


def attached(make=functional, tensor="hidden", **options):
    model = make()
    model(X[:1])
    made = tfloss.attach(model, f"bce + projected({tensor}, labels)", losses=[projected], **options)
    made.compile(keras.optimizers.Adam(0.05))
    return made


def by_path(model):
    return model.objective.values()


MAKERS = pytest.mark.parametrize(
    ("make", "tensor"), [(functional, "hidden"), (Subclassed, "middle")]
)


@MAKERS
def test_they_are_trained_and_counted(make, tensor):
    model = attached(make, tensor)
    plain = len(model.model.trainable_variables)
    model.evaluate(X, Y, verbose=0)
    before = by_path(model)
    assert len(model.trainable_variables) == plain + 1
    assert len(model.non_trainable_variables) == 1
    history = model.fit(X, Y, epochs=20, verbose=0).history["loss"]
    assert history[-1] < history[0]
    after = by_path(model)
    assert sorted(after) == sorted(before)
    assert all(np.abs(after[path] - before[path]).max() > 1e-3 for path in after)


def test_a_step_is_that_of_the_same_model_written_out():
    """The gradient of the variables, and of the weights through them, by hand."""
    model = attached()
    model.compile(keras.optimizers.SGD(0.1))
    model.evaluate(X, Y, verbose=0)
    projection = by_path(model)["projected(hidden, labels)/projection"]
    inner = keras.Model(model.model.inputs, model.model.get_layer("hidden").output)
    hidden = np.asarray(inner(X), np.float64)
    expected = 2 * hidden.T @ (hidden @ projection - Y[:, None]) / len(X)
    model.fit(X, Y, batch_size=len(X), verbose=0)
    after = by_path(model)["projected(hidden, labels)/projection"]
    np.testing.assert_allclose(after, projection - 0.1 * expected, rtol=1e-4, atol=1e-6)


@MAKERS
def test_they_are_saved_and_trained_on_to_the_same_bytes(make, tensor, tmp_path):
    model = attached(make, tensor)
    model.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(
        tmp_path / "model.keras", custom_objects={"projected": projected}
    )
    assert len(loaded.trainable_variables) == len(model.trainable_variables)
    for each in (model, loaded):
        each.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    first, second = by_path(model), by_path(loaded)
    assert list(first) == list(second)
    for path in first:
        np.testing.assert_array_equal(first[path], second[path])


@pytest.mark.parametrize("used", [True, False], ids=["after a step", "before any"])
def test_weights_alone_are_loaded(used, tmp_path):
    model, other = attached(), attached()
    model.fit(X, Y, verbose=0)
    model.save_weights(tmp_path / "model.weights.h5")
    if used:
        other.evaluate(X, Y, verbose=0)
    other.load_weights(tmp_path / "model.weights.h5")
    assert other.evaluate(X, Y, verbose=0) == pytest.approx(model.evaluate(X, Y, verbose=0))
    for path, values in by_path(model).items():
        np.testing.assert_array_equal(values, by_path(other)[path])


def test_the_fast_loop_trains_them_alike():
    slow, fast = attached(), attached()
    slow.fit(X, Y, epochs=3, batch_size=8, shuffle=False, verbose=0)
    tfloss.fit_model(fast, (X, Y), epochs=3, batch_size=8, shuffle=False)
    for path, values in by_path(slow).items():
        np.testing.assert_allclose(values, by_path(fast)[path], rtol=1e-4, atol=1e-6)


def test_a_loss_of_compile_says_what_works():
    with pytest.raises(UsageError, match=r"variables of its own.*use tfloss.attach\(model"):
        tfloss.Loss("projected(labels, labels)", losses=[projected])


def test_a_skipped_step_changes_none_of_them():
    model = attached(on_nan="skip")
    model.fit(X[:8], Y[:8], verbose=0)
    before = by_path(model)
    bad = np.full_like(X[:8], np.nan)
    with pytest.warns(UserWarning, match="left out"):
        model.train_on_batch(bad, Y[:8])
    for path, values in by_path(model).items():
        np.testing.assert_array_equal(values, before[path])


def test_a_teacher_that_is_set_later_is_no_part_of_the_model():
    model = tfloss.attach(functional(), "bce + kl", teacher=functional())
    count = len(model.trainable_variables)
    model.teachers = functional()
    assert len(model.trainable_variables) == count == len(model.model.trainable_variables)
    assert len(model.layers) == 1
