"""The mean of the largest values, against numpy's partition."""

from __future__ import annotations

import numpy as np
import pytest

from tfloss import ops, tf


@pytest.mark.parametrize("count", [1, 3, 8])
def test_it_is_numpys_partition_in_each_row(count):
    values = np.random.default_rng(0).normal(size=(4, 8))
    expected = np.sort(values, axis=-1)[:, -count:].mean(axis=-1)
    found = ops.mean_of_largest(tf.constant(values), count)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_counts_of_each_row_and_what_can_be_chosen():
    values = tf.constant([[1.0, 5.0, 3.0], [1.0, 5.0, 3.0], [1.0, 5.0, 3.0]])
    among = tf.constant([[True, False, True], [True, True, True], [False, False, False]])
    found = ops.mean_of_largest(values, tf.constant([1, 2, 2]), among)
    np.testing.assert_allclose(found, [3, 4, 0])


def test_a_nan_is_kept_unless_it_cannot_be_chosen():
    values = tf.constant([[1.0, np.nan, -1e4], [1.0, np.nan, 1e4]])
    among = tf.constant([[True, True, True], [True, False, True]])
    with tf.GradientTape() as tape:
        tape.watch(values)
        found = ops.mean_of_largest(values, 1, among)
        clean = found[1]
    np.testing.assert_array_equal(found, [np.nan, 1e4])
    np.testing.assert_array_equal(tape.gradient(clean, values)[1], [0, 0, 1])


@pytest.mark.parametrize("jit", [False, True])
def test_in_a_program_with_any_number_of_rows(jit):
    program = tf.function(lambda x: ops.mean_of_largest(x, 2), jit_compile=jit)
    np.testing.assert_allclose(program(tf.constant([[3.0, 1.0, 2.0], [0.0, 0.0, 6.0]])), [2.5, 3])
