"""The traces of tangent kernels against the Jacobian of a small network, written out in numpy."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import tfloss
from tests.balances.state import Kept
from tests.objective.builders import SCOPE
from tests.objective.test_balances import in_a_step
from tfloss import tf
from tfloss.formula import FormulaError
from tfloss.objective import plan_terms
from tfloss.objective.tangent_kernel import signed_traces, traces_of
from tfloss_balances.kernels import ntk

random = np.random.default_rng(5)
X, Y = random.normal(size=(5, 1)), random.normal(size=(5, 1))
INNER, BIAS, OUTER = random.normal(size=(1, 3)), random.normal(size=3), random.normal(size=(3, 1))
COEFFICIENT = 0.3


def jacobians():
    """Of u - y and of u' for u = outer·tanh(inner*x + bias), by outer, inner and bias: (5, 9)."""
    t = np.tanh(X * INNER + BIAS)
    outer, first = OUTER[:, 0], 1 - t**2
    second = -2 * t * first
    of_u = np.hstack([t, outer * first * X, outer * first])
    slope = INNER[0]
    of_slope = np.hstack(
        [slope * first, outer * (first + slope * second * X), outer * slope * second]
    )
    return of_u, of_slope


def members():
    """The mean squares of u - y and of u', the second with a coefficient, and what they are of."""
    variables = [tf.constant(value, tf.float32) for value in (OUTER, INNER, BIAS)]
    outer, inner, bias = variables
    x = tf.constant(X, tf.float32)
    u = tf.tanh(x @ inner + bias) @ outer
    slope = tf.gradients(u, x)[0]
    rows = [tf.square(u - tf.constant(Y, tf.float32))[:, 0], tf.square(slope)[:, 0]]
    losses = [tf.reduce_mean(rows[0]), COEFFICIENT * tf.reduce_mean(rows[1])]
    return losses, rows, variables


EXPECTED = [
    factor * np.sum(jacobian**2) / len(X)
    for factor, jacobian in zip((1, COEFFICIENT), jacobians(), strict=True)
]


def test_over_all_signs_the_mean_is_the_trace():
    @tf.function(autograph=False)
    def one(signs):
        return signed_traces(*members(), signs)

    found = [one(tf.constant(signs, tf.float32)) for signs in product((-1, 1), repeat=len(X))]
    np.testing.assert_allclose(np.mean(found, axis=0), EXPECTED, rtol=1e-4)


def test_every_step_draws_signs_of_its_own():
    @tf.function(autograph=False)
    def one(step):
        return traces_of(*members(), step)

    draws = np.array([one(tf.constant(float(step))) for step in range(300)])
    np.testing.assert_array_equal(draws[7], one(tf.constant(7.0)))
    error = draws.std(0, ddof=1) / np.sqrt(len(draws))
    assert np.all(np.abs(draws.mean(0) - EXPECTED) < 4 * error)


def test_a_row_that_adds_nothing_has_no_part_in_it():
    @tf.function(autograph=False)
    def found():
        weight = tf.constant(2.0)
        rows = tf.square(weight * tf.constant([0.0, 3.0, 0.0]))
        return signed_traces([tf.reduce_sum(rows)], [rows], [weight], tf.constant([1.0, -1.0, 1.0]))

    np.testing.assert_allclose(found(), [9.0])


def test_a_member_without_residuals_has_no_estimate():
    @tf.function(autograph=False)
    def found(value):
        weight = tf.constant([1.0])
        rows = tf.square(weight * value)
        return signed_traces([tf.reduce_sum(rows)], [rows], [weight], tf.constant([1.0, -1.0]))

    assert np.isnan(found(tf.zeros(2)))
    np.testing.assert_allclose(found(tf.fill([2], 3.0)), [0.0])  # the signs cancel


def test_ntk_weighs_by_a_running_mean_of_the_traces():
    state, course = Kept(ntk, 2), random.uniform(1, 5, size=(14, 2))
    course[3, 0] = np.nan  # a batch without rows of a member leaves its mean as it is
    seen = [[], []]
    means = np.zeros(2)
    for traces in course:
        for member, trace in enumerate(traces):
            if not np.isnan(trace):
                seen[member].append(trace)
                share = max(0.1, 1 / len(seen[member]))
                means[member] = (1 - share) * means[member] + share * trace
        weights = ntk(tf.constant(traces, tf.float32), alpha=0.1, state=state)
        ready = min(map(len, seen)) >= 10
        expected = means.sum() / means if ready else np.ones(2)
        np.testing.assert_allclose(weights, expected, rtol=1e-5)
    assert ready


def test_a_member_that_has_had_no_row_has_the_weight_1():
    state = Kept(ntk, 3)
    for _ in range(12):
        weights = ntk(tf.constant([np.nan, 5.0, 1.0]), state=state)
    np.testing.assert_allclose(weights, [1, 6 / 5, 6], rtol=1e-5)


def test_a_coefficient_of_a_member_is_weighed_away(registry):
    """The second residual is half the first, its trace a quarter: 1 + 1/4 over 1, and over 1/4."""
    formula = "ntk(mse(labels, logits), 0.25*mse(labels, logits))"
    found = list(in_a_step(formula, registry, steps=10).values())
    np.testing.assert_allclose(found[2:], [1.25, 5], rtol=1e-5)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)


@pytest.mark.parametrize(
    ("formula", "sentence"),
    [
        ("ntk(mse(labels, logits), l2)", "'l2' is one number for all rows"),
        ("ntk(mse(labels, logits), mean(mse(labels, logits)))", "is one number for all rows"),
        ("ntk(mse(labels, logits), mse(hidden1, hidden2))", "compares 4 columns"),
        ("ntk(mse(labels, logits), mse(wide, hidden1), by=hidden1.output)", "gradients by weights"),
    ],
)
def test_what_has_no_residual_for_each_row_is_refused(registry, formula, sentence):
    with pytest.raises(FormulaError, match=sentence):
        plan_terms(formula, registry, SCOPE)


def test_columns_that_only_the_step_knows_are_refused_there(registry):
    formula = "ntk(mse(labels, logits), residual(grad(logits, hidden1)))"
    with pytest.raises(tfloss.UsageError, match="compares 4 columns; write a term"):
        in_a_step(formula, registry)
