"""Functions of the whole batch against scikit-learn and scipy; a turned gradient."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn.preprocessing import StandardScaler

from tests.objective.builders import SCOPE, TENSORS
from tfloss import tf
from tfloss.errors import UsageError
from tfloss.objective import Objective
from tfloss_functions.batch import reverse_gradient, soft_rank, standardise

X = np.random.default_rng(0).normal(3, 2, size=(8, 3)).astype(np.float32)


def test_standardise_is_scikit_learns_scaler():
    expected = StandardScaler().fit_transform(X.astype(float))
    np.testing.assert_allclose(standardise(tf.constant(X), epsilon=1e-9), expected, atol=1e-5)


@pytest.mark.parametrize("value", [0.0, 1e4, -1e4])
def test_standardise_of_a_constant_column_is_zero_with_a_finite_gradient(value):
    x = tf.fill((4, 2), value)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = standardise(x)
    np.testing.assert_array_equal(y, np.zeros((4, 2)))
    assert np.all(np.isfinite(tape.gradient(y, x)))


def test_standardise_is_refused_where_rows_are_missing(registry):
    objective = Objective("value(standardise(hidden1))", registry, SCOPE)
    tensors = {k: v if isinstance(v, dict) else tf.constant(v) for k, v in TENSORS.items()}
    there = tf.constant([1, 1, 0, 1, 1, 1], tf.float32)
    with pytest.raises(UsageError, match="rows are missing, and 'standardise'"):
        objective(tensors, present={"hidden1": there})


def test_soft_rank_is_scipys_rank_where_it_is_cold():
    x = tf.constant(X)
    np.testing.assert_allclose(
        soft_rank(x, temperature=1e-4), rankdata(X, axis=1), rtol=1e-5, atol=1e-4
    )
    np.testing.assert_allclose(tf.reduce_sum(soft_rank(x), 1), 3 * 4 / 2, rtol=1e-5)


def test_soft_rank_of_ties_is_their_mean_rank_with_a_finite_gradient():
    x = tf.constant([[2.0, 2.0, -1e4, 1e4]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        ranks = soft_rank(x)
    np.testing.assert_allclose(ranks, rankdata([[2, 2, -1e4, 1e4]], axis=1), rtol=1e-6)
    assert np.all(np.isfinite(tape.gradient(ranks, x)))


def test_soft_rank_takes_rows():
    with pytest.raises(ValueError, match=r"\(batch, n\)"):
        soft_rank(tf.zeros((4,)))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_reverse_gradient_keeps_values_and_turns_the_gradient(jit_compile):
    @tf.function(jit_compile=jit_compile)
    def both(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(tf.sin(reverse_gradient(x, scale=0.3)))
        return y, tape.gradient(y, x)

    y, gradient = both(tf.constant(X))
    np.testing.assert_allclose(y, np.sin(X).sum(), rtol=1e-5)
    np.testing.assert_allclose(gradient, -0.3 * np.cos(X), rtol=1e-4, atol=1e-6)
