"""Reductions against plain sums, and Keras' convention for weights."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfloss import tf
from tfloss_functions import reductions

REDUCTIONS = {reduction.name: reduction for reduction in reductions.tfloss_reductions()}


def reduce(name, values, weight=None, present=None):
    ones = np.ones(len(values))
    arguments = (values, ones if weight is None else weight, ones if present is None else present)
    return float(REDUCTIONS[name](*(tf.constant(x, tf.float32) for x in arguments)))


def test_without_weights():
    values = [1.0, -2.0, 4.0]
    assert reduce("mean", values) == pytest.approx(1)
    assert reduce("sum", values) == pytest.approx(3)
    assert reduce("max", values) == pytest.approx(4)


def test_mean_counts_examples_as_keras_does():
    weight = np.array([1.0, 0, 0, 0])
    ours = reduce("mean", np.ones(4), weight)
    keras_loss = keras.losses.MeanSquaredError()
    assert ours == float(keras_loss(np.zeros((4, 1)), np.ones((4, 1)), sample_weight=weight))
    assert ours == 0.25


def test_missing_examples_do_not_count():
    weight = present = [1.0, 1.0, 0.0]
    assert reduce("mean", [1.0, 3.0, 0.0], weight, present) == 2
    assert reduce("sum", [1.0, 3.0, 0.0], weight, present) == 4
    assert reduce("max", [-1.0, -3.0, 0.0], weight, present) == -1


@pytest.mark.parametrize("name", REDUCTIONS)
def test_a_nan_comes_out_as_a_nan(name):
    for values in ([1.0, np.nan], [np.nan, 1.0]):
        assert np.isnan(reduce(name, values))


@pytest.mark.parametrize("name", REDUCTIONS)
def test_nothing_present_is_zero(name):
    nothing = [0.0, 0.0]
    assert reduce(name, nothing, nothing, nothing) == 0


def test_max_leaves_out_zero_weights_and_multiplies_by_none():
    assert reduce("max", [1.0, 9.0, 2.0], [0.5, 0.0, 3.0]) == 2


def test_the_gradient_of_max_goes_to_the_largest():
    values, ones = tf.constant([1.0, 5.0, 2.0]), tf.ones(3)
    with tf.GradientTape() as tape:
        tape.watch(values)
        largest = REDUCTIONS["max"](values, ones, ones)
    np.testing.assert_array_equal(tape.gradient(largest, values), [0, 1, 0])
