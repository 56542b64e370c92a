"""Tensor functions against scipy and numpy; gradients against calculus."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from tfloss import tf
from tfloss_functions.tensor import (
    columns_from_to as some,
)
from tfloss_functions.tensor import (
    concat,
    flatten,
    grad,
    increasing,
    jacobian,
    log_softmax,
    normalize,
    sigmoid,
    softmax,
)

X = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)


def test_softmax_and_friends_are_scipys():
    x = tf.constant(X)
    np.testing.assert_allclose(softmax(x), special.softmax(X, axis=-1), rtol=1e-5)
    np.testing.assert_allclose(log_softmax(x), special.log_softmax(X, axis=-1), rtol=1e-5)
    np.testing.assert_allclose(sigmoid(x), special.expit(X), rtol=1e-5)


def test_normalize_makes_rows_of_length_one():
    np.testing.assert_allclose(np.linalg.norm(normalize(tf.constant(X)), axis=-1), 1, rtol=1e-6)


def test_normalize_keeps_a_nan():
    rows = normalize(tf.constant([[1.0, np.nan], [3.0, 4.0]]))
    assert np.all(np.isnan(rows[0]))
    np.testing.assert_allclose(rows[1], [0.6, 0.8], rtol=1e-6)


def test_normalize_of_a_zero_row_is_zero_with_gradient_zero():
    x = tf.zeros((1, 3))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = normalize(x)
    np.testing.assert_array_equal(y, np.zeros((1, 3)))
    np.testing.assert_array_equal(tape.gradient(y, x), np.zeros((1, 3)))


@pytest.mark.parametrize("shape", [(4,), (4, 3), (4, 3, 2)])
def test_flatten(shape):
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    np.testing.assert_array_equal(flatten(tf.constant(x)), x.reshape(4, -1))


def test_flatten_keeps_the_number_of_columns_when_the_batch_is_unknown():
    traced = tf.function(flatten, input_signature=[tf.TensorSpec((None, 3, 2))])
    assert traced.get_concrete_function().structured_outputs.shape.as_list() == [None, 6]


def test_flatten_of_an_unknown_inner_axis():
    traced = tf.function(flatten, input_signature=[tf.TensorSpec((None, None, 2))])
    assert traced(tf.zeros((4, 5, 2))).shape == (4, 10)


def test_concat_puts_columns_side_by_side():
    x = tf.constant(X)
    np.testing.assert_array_equal(concat(x, x[:, :1], x), np.hstack([X, X[:, :1], X]))
    with pytest.raises(ValueError, match="at least one"):
        concat()


@pytest.mark.parametrize("jit_compile", [False, True])
def test_grad_is_the_derivative_and_can_be_differentiated_again(jit_compile):
    @tf.function(jit_compile=jit_compile)
    def slope_and_its_gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            slope = grad(tf.sin(x), x)
        return slope, tape.gradient(slope, x)

    slope, second = slope_and_its_gradient(tf.constant(X))
    np.testing.assert_allclose(slope, np.cos(X), rtol=1e-5)
    np.testing.assert_allclose(second, -np.sin(X), rtol=1e-5, atol=1e-6)


def test_grad_sums_over_columns_example_by_example():
    @tf.function
    def slope(x):
        return grad(tf.stack([x[:, 0] * x[:, 1], x[:, 2] ** 2], axis=-1), x)

    reference = np.stack([X[:, 1], X[:, 0], 2 * X[:, 2]], axis=-1)
    np.testing.assert_allclose(slope(tf.constant(X)), reference, rtol=1e-6)


def test_grad_refuses_what_does_not_depend():
    @tf.function
    def slope(x):
        return grad(tf.ones((4, 1)), x)

    with pytest.raises(ValueError, match="does not depend"):
        slope(tf.constant(X))


def test_grad_outside_a_graph_is_refused():
    with pytest.raises(ValueError, match=r"tf\.function"):
        grad(tf.constant(X), tf.constant(X))


def test_jacobian_is_tensorflows_for_one_example_at_a_time():
    weights = tf.constant(np.random.default_rng(1).normal(size=(3, 2)), tf.float32)

    @tf.function
    def ours(x):
        return jacobian(tf.sin(x @ weights), x)

    with tf.GradientTape() as tape:
        x = tf.constant(X)
        tape.watch(x)
        y = tf.sin(x @ weights)
    np.testing.assert_allclose(ours(x), tape.batch_jacobian(y, x), rtol=1e-5)


def test_jacobian_needs_columns():
    with pytest.raises(ValueError, match=r"\(batch, k\)"):
        jacobian(tf.zeros((4,)), tf.zeros((4,)))


@pytest.mark.parametrize(("start", "stop"), [(0, None), (1, None), (0, 2), (-2, -1), (1, 3)])
def test_slice_is_pythons(start, stop):
    np.testing.assert_array_equal(some(tf.constant(X), start=start, stop=stop), X[:, start:stop])


@pytest.mark.parametrize(("start", "stop"), [(3, None), (2, 2), (0, 4), (-4, None)])
def test_slice_refuses_what_is_not_there(start, stop):
    with pytest.raises(ValueError, match="within 3 columns"):
        some(tf.constant(X), start=start, stop=stop)


@pytest.mark.parametrize("shape", [(5, 4), (2, 3, 4)])
def test_increasing_adds_positive_steps(shape):
    x = np.random.default_rng(3).normal(scale=30, size=shape).astype(np.float32)
    steps = np.concatenate([x[..., :1], np.logaddexp(0, x[..., 1:])], axis=-1)
    np.testing.assert_allclose(increasing(tf.constant(x)), steps.cumsum(-1), rtol=1e-5)
    pairs = increasing(tf.constant(x), columns=2)
    np.testing.assert_allclose(pairs[..., 2:], increasing(tf.constant(x[..., 2:])), rtol=1e-5)
    with pytest.raises(ValueError, match="4 columns 3 by 3"):
        increasing(tf.constant(x), columns=3)
