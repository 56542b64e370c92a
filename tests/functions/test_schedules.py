"""Schedules against numpy and Keras' learning-rate schedules."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfloss import tf
from tfloss_functions.schedules import cosine, exponential, linear, piecewise, warmup

STEPS = np.arange(0, 15, dtype=np.float32)


def course(schedule, *numbers, steps=10):
    """The schedule's value at every step, compiled."""
    compiled = tf.function(lambda step: schedule(step, *numbers, steps=steps), jit_compile=True)
    return np.array([compiled(tf.constant(step)) for step in STEPS])


def test_linear():
    np.testing.assert_allclose(course(linear, 1, 3), np.interp(STEPS, [0, 10], [1, 3]), rtol=1e-6)


def test_cosine_is_keras_decay():
    decay = keras.optimizers.schedules.CosineDecay(2.0, 10, alpha=0.25)
    reference = [float(decay(step)) for step in STEPS]
    np.testing.assert_allclose(course(cosine, 2.0, 0.5), reference, rtol=1e-5)


def test_exponential_is_a_geometric_series():
    reference = np.geomspace(1, 0.01, 11)[np.minimum(STEPS, 10).astype(int)]
    np.testing.assert_allclose(course(exponential, 1, 0.01), reference, rtol=1e-5)


def test_warmup():
    np.testing.assert_allclose(course(warmup, 4), 4 * np.minimum(STEPS / 10, 1), rtol=1e-6)


def test_piecewise_jumps_at_its_step():
    np.testing.assert_array_equal(course(piecewise, 1, 2), np.where(STEPS < 10, 1, 2))


@pytest.mark.parametrize("schedule", [linear, cosine, exponential, piecewise])
def test_all_start_at_the_first_number_and_keep_the_last(schedule):
    values = course(schedule, 0.5, 2.0)
    assert values[0] == pytest.approx(0.5)
    np.testing.assert_allclose(values[10:], 2, rtol=1e-6)


@pytest.mark.parametrize("ends", [(0, 1), (1, 0), (-1, 1)])
def test_exponential_needs_positive_ends(ends):
    with pytest.raises(ValueError, match="positive"):
        exponential(tf.constant(0.0), *ends, steps=10)


@pytest.mark.parametrize("schedule", [linear, cosine, exponential, piecewise])
def test_no_steps_are_refused(schedule):
    with pytest.raises(ValueError, match=r"'steps' of '.*' is 0 but must be positive"):
        schedule(tf.constant(0.0), 1, 2, steps=0)
