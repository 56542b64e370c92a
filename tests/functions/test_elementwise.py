"""Elementwise functions: values of numpy's, finite derivatives at the edges."""

from __future__ import annotations

import numpy as np
import pytest

from tfloss import tf
from tfloss_functions import elementwise

FUNCTIONS = {function.name: function for function in elementwise.tfloss_functions()}
X = np.array([0.5, 1.0, 2.0, 30.0], np.float32)


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("abs", np.abs),
        ("log", np.log),
        ("exp", np.exp),
        ("sqrt", np.sqrt),
        ("square", np.square),
        ("stop_gradient", np.positive),
    ],
)
def test_one_argument(name, reference):
    np.testing.assert_allclose(FUNCTIONS[name](tf.constant(X)), reference(X), rtol=1e-6)


def test_numbers_arrive_as_python_floats():
    np.testing.assert_allclose(FUNCTIONS["clip"](tf.constant(X), 0.7, 3.0), np.clip(X, 0.7, 3))
    np.testing.assert_allclose(FUNCTIONS["minimum"](tf.constant(X), 1.5), np.minimum(X, 1.5))
    np.testing.assert_allclose(FUNCTIONS["maximum"](1.5, tf.constant(X)), np.maximum(X, 1.5))


@pytest.mark.parametrize("name", ["abs", "log", "sqrt"])
def test_slopes_are_finite_at_zero_and_below(name):
    x = tf.constant([0.0, -0.0, 1e-38, -1.0, 1e-20])
    with tf.GradientTape() as tape:
        tape.watch(x)
        values = FUNCTIONS[name](x)
    assert np.all(np.isfinite(values))
    assert np.all(np.isfinite(tape.gradient(values, x)))


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "XLA"])
def test_a_nan_comes_out_as_a_nan(compiled):
    """What hides one lets a training go on with broken numbers."""
    x = tf.constant([1.0, np.nan, 2.0])
    others = {"clip": (0.5, 1.5), "minimum": (1.0,), "maximum": (1.0,)}

    def everything(x):
        return {n: f(x, *others.get(n, ())) for n, f in FUNCTIONS.items()}

    for name, values in tf.function(everything, jit_compile=compiled)(x).items():
        assert np.isnan(values[1]), name


def test_the_root_of_zero_is_zero():
    np.testing.assert_array_equal(FUNCTIONS["sqrt"](tf.constant([0.0, -1.0])), [0, 0])


def test_clip_and_stop_gradient_stop_the_gradient():
    x = tf.constant([0.0, 1.0, 2.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        clipped = FUNCTIONS["clip"](x, 0.5, 1.5)
        stopped = FUNCTIONS["stop_gradient"](x)
    np.testing.assert_array_equal(tape.gradient(clipped, x), [0, 1, 0])
    assert tape.gradient(stopped, x) is None


def test_normalize_gives_every_loss_the_same_size():
    loss = tf.constant(X)
    ours = FUNCTIONS["normalize"](loss)
    np.testing.assert_allclose(ours, X / X.mean(), rtol=1e-6)
    np.testing.assert_allclose(FUNCTIONS["normalize"](1000 * loss), ours, rtol=1e-6)
    np.testing.assert_array_equal(FUNCTIONS["normalize"](0 * loss), 0 * X)


def test_the_gradient_of_normalize_keeps_its_direction():
    loss = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(loss)
        values = FUNCTIONS["normalize"](loss)
    np.testing.assert_allclose(tape.gradient(values, loss), np.full(4, 1 / X.mean()), rtol=1e-6)
