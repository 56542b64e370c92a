"""Values between bounds: what has left them comes back."""

from __future__ import annotations

import numpy as np
import pytest

from tfloss import losses, ops, tf


def slope(values, direction, xla):
    @tf.function(jit_compile=xla)
    def derived(values):
        with tf.GradientTape() as tape:
            tape.watch(values)
            total = tf.reduce_sum(direction * ops.bounded(values, -1.0, 2.0))
        return tape.gradient(total, values)

    return derived(tf.constant(values)).numpy().tolist()


@pytest.mark.parametrize("xla", [False, True])
def test_beyond_a_bound_only_the_way_back_has_a_slope(xla):
    values = [-5.0, 0.5, 7.0]
    np.testing.assert_array_equal(ops.bounded(tf.constant(values), -1.0, 2.0), [-1, 0.5, 2])
    assert slope(values, 3.0, xla) == [0, 3, 3]  # descent makes them smaller
    assert slope(values, -3.0, xla) == [-3, -3, 0]


def test_a_nan_stays_one():
    assert np.isnan(ops.bounded(tf.constant([np.nan]), -1.0, 2.0))


@pytest.mark.parametrize(
    ("loss", "log_scale", "sign"),
    [("crps_gaussian", 40.0, 1), ("gaussian_nll", -40.0, -1)],
    ids=["far too unsure", "far too sure"],
)
def test_a_scale_that_went_astray_is_pulled_back(loss, log_scale, sign):
    prediction = tf.constant([[0.0, log_scale]])
    with tf.GradientTape() as tape:
        tape.watch(prediction)
        value = getattr(losses, loss)(tf.constant([[3.0]]), prediction)
    assert np.sign(tape.gradient(value, prediction)[0, 1]) == sign
