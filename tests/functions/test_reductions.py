"""Reductions against plain sums, and Keras' convention for weights."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfloss import tf
from tfloss.formula import FormulaError
from tfloss.objective import Entry, Objective, Scope
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


def settled(values, weight=None, present=None, **settings):
    ones = np.ones(len(values))
    arguments = (values, ones if weight is None else weight, ones if present is None else present)
    return float(REDUCTIONS["top_k"](*(tf.constant(x, tf.float32) for x in arguments), **settings))


@pytest.mark.parametrize("settings", [{"share": 0.1}, {"share": 0.5}, {"share": 1.0}, {"k": 7}])
def test_top_k_is_the_mean_of_numpys_partition(settings):
    random = np.random.default_rng(0)
    values, weight = random.normal(size=30), random.integers(0, 3, size=30).astype(float)
    there = (weight * values)[weight > 0]
    count = settings.get("k") or int(np.ceil(round(settings["share"] * len(there), 6)))
    expected = np.mean(-np.partition(-there, count - 1)[:count])
    assert settled(values, weight, **settings) == pytest.approx(expected, rel=1e-5)


def test_top_k_of_fewer_takes_all_and_skips_what_is_missing():
    assert settled([1.0, 9.0, 3.0], [1, 1, 1], [1, 0, 1], k=5) == 2
    assert settled([4.0, -1.0, -2.0], k=1) == 4


def test_only_the_hardest_examples_have_a_gradient():
    values, ones = tf.constant([1.0, 5.0, 2.0, 4.0]), tf.ones(4)
    with tf.GradientTape() as tape:
        tape.watch(values)
        hardest = REDUCTIONS["top_k"](values, ones, ones, share=0.5)
    np.testing.assert_allclose(tape.gradient(hardest, values), [0, 0.5, 0, 0.5])


def test_settings_of_a_reduction_stand_in_formulas(registry):
    scope = Scope([Entry("labels", "data"), Entry("prediction", "student")])
    tensors = {
        "labels": tf.constant([[0.0], [0.0], [0.0]]),
        "prediction": tf.constant([[1.0], [3.0], [2.0]]),
    }

    def value(formula):
        return float(Objective(formula, registry, scope)(tensors)[0])

    assert value("top_k(mse, k=2) + 0.5*top_k(mse, k=1)") == pytest.approx(6.5 + 4.5)
    assert value("top_k(square(mse), share=0.3)") == pytest.approx(81)
    for formula, words in {
        "top_k(mse, 2)": "takes exactly one loss",
        "top_k(mse, share=0)": "'share' of 'top_k' is 0 but must lie in",
        "top_k(mse, part=1)": "part",
        "mean(mse, k=1)": "k",
    }.items():
        with pytest.raises(FormulaError, match=words):
            Objective(formula, registry, scope)
