"""The value of a formula is the sum by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import tfloss
from tests.objective.builders import (
    BIAS,
    HIDDEN,
    KERNEL,
    LABELS,
    LOGITS,
    ROWS,
    SCOPE,
    TEACHER,
    TENSORS,
    WEIGHT,
    bce,
    kl,
    total,
)
from tfloss.errors import PluginError, UsageError
from tfloss.objective import Objective

# -- terms, coefficients, reductions -------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("bce", lambda: bce().mean()),
        ("0.1*bce/2", lambda: 0.05 * bce().mean()),
        ("bce + 0.1*abs_kl", lambda: bce().mean() + 0.1 * abs(kl().sum())),
        ("abs(sum(kl))", lambda: abs(kl().sum())),
        ("abs(kl)", lambda: abs(kl()).mean()),
        ("sum(bce) + mean(bce) + max(bce)", lambda: bce().sum() + bce().mean() + bce().max()),
        ("2*(bce + abs(kl))", lambda: 2 * (bce() + abs(kl())).mean()),
        ("bce*abs(kl)", lambda: (bce() * abs(kl())).mean()),
        ("bce**2", lambda: (bce() ** 2).mean()),
        ("1/bce", lambda: (1 / bce()).mean()),
        ("sqrt(sum(bce))", lambda: np.sqrt(bce().sum())),
        ("maximum(bce, abs(kl))", lambda: np.maximum(bce(), abs(kl())).mean()),
        ("rowweight*bce", lambda: (WEIGHT * bce()).mean()),
        ("mean(rowweight)*bce", lambda: WEIGHT.mean() * bce().mean()),
        ("l2('*/kernel')", lambda: (KERNEL**2).sum()),
        ("l2(logits)", lambda: (KERNEL**2).sum() + (BIAS**2).sum()),
        ("l2(logits.bias)", lambda: (BIAS**2).sum()),
        ("l2", lambda: (KERNEL**2).sum() + (BIAS**2).sum()),
        ("mse(hidden1, hidden2)", lambda: ((HIDDEN - HIDDEN[::-1]) ** 2).mean()),
        ("mse(hidden1*2, hidden1 - 1)", lambda: ((HIDDEN + 1) ** 2).mean()),
        ("mse(softmax(logits/4), labels)", lambda: ((1 - LABELS) ** 2).mean()),
        ("kl(teacher=teacher, logits=logits)", lambda: kl().mean()),
    ],
)
def test_value(registry, formula, expected):
    assert total(formula, registry) == pytest.approx(expected(), rel=1e-5)


def test_terms_are_weighted_and_add_up(registry):
    objective = Objective("bce + 0.1*abs_kl + kl + kl", registry, SCOPE)
    outcome = objective(TENSORS)
    assert objective.names == ("bce", "abs_kl", "kl", "kl#2")
    assert float(outcome.total) == pytest.approx(float(sum(outcome.terms)), rel=1e-6)
    assert float(outcome.terms[1]) == pytest.approx(0.1 * abs(kl().sum()), rel=1e-5)


factors = st.sampled_from(["0.5*", "2*", "0.1*", ""])
bodies = st.sampled_from(["bce", "abs(kl)", "sum(kl)", "max(bce)", "bce*bce", "abs_kl", "l1"])
random_formulas = st.lists(st.tuples(factors, bodies), min_size=1, max_size=5)


@settings(max_examples=40, deadline=None)
@given(random_formulas)
def test_value_and_gradient_of_random_formulas(pieces):
    registry = tfloss.load_registry()
    by_hand = {
        "bce": bce().mean(),
        "abs(kl)": abs(kl()).mean(),
        "sum(kl)": kl().sum(),
        "max(bce)": bce().max(),
        "bce*bce": (bce() ** 2).mean(),
        "abs_kl": abs(kl().sum()),
        "l1": abs(KERNEL).sum() + abs(BIAS).sum(),
    }
    formula = " + ".join(factor + body for factor, body in pieces)
    expected = sum(float(factor.rstrip("*") or 1) * by_hand[body] for factor, body in pieces)
    assert total(formula, registry) == pytest.approx(expected, rel=1e-4)

    def gradient(text):
        logits = tf.constant(LOGITS)
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = Objective(text, registry, SCOPE)({**TENSORS, "logits": logits}).total
        return tape.gradient(
            value, logits, unconnected_gradients=tf.UnconnectedGradients.ZERO
        ).numpy()

    summed = sum(gradient(factor + body) for factor, body in pieces)
    np.testing.assert_allclose(gradient(formula), summed, rtol=1e-4, atol=1e-6)


# -- schedules -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "coefficient"), [(0, 0.0), (5, 0.25), (10, 0.5), (20, 1.0), (99, 1.0)]
)
def test_schedules_count_epochs_in_steps(registry, step, coefficient):
    value = total("linear(0, 1, epochs=4)*bce", registry, step=step, steps_per_epoch=5)
    assert value == pytest.approx(coefficient * bce().mean(), rel=1e-5)
    assert total("linear(0, 1, steps=20)*bce", registry, step=step) == pytest.approx(value)


def test_what_holds_unless_said(registry):
    """Step 0, one step in an epoch, and no coefficient below zero."""
    objective = Objective("linear(0, 1, epochs=4)*bce", registry, SCOPE)
    assert float(objective(TENSORS).total) == 0.0
    assert float(objective(TENSORS, step=2).total) == pytest.approx(bce().mean() / 2, rel=1e-5)
    with pytest.raises(UsageError, match="allow-negative"):
        Objective("-bce", registry, SCOPE)


# -- sample weights and missing rows -------------------------------------------------------------


def test_weights_as_keras_counts_them(registry):
    tensors = {"labels": np.ones((4, 1), np.float32), "logits": np.zeros((4, 1), np.float32)}
    weight = np.array([1, 0, 0, 0], np.float32)
    value = total("mse(labels, logits)", registry, tensors=tensors, sample_weight=weight)
    assert value == pytest.approx(0.25)


def test_every_per_example_term_respects_the_weights(registry):
    expected = (WEIGHT * bce()).mean() + 0.1 * abs((WEIGHT * kl()).sum()) + (WEIGHT * kl()).sum()
    value = total("bce + 0.1*abs_kl + sum(kl)", registry, sample_weight=WEIGHT)
    assert value == pytest.approx(expected, rel=1e-5)


def test_missing_labels_drop_out_of_the_terms_that_need_them(registry):
    present = np.array([1, 1, 0, 1, 0, 1], np.float32)
    value = total("bce + kl", registry, present={"labels": present})
    expected = bce()[present == 1].mean() + kl().mean()
    assert value == pytest.approx(expected, rel=1e-5)


def test_missing_rows_reach_no_gradient_and_no_batch_loss(registry):
    there = np.array([1, 1, 0, 1, 0, 1], np.float32)
    logits = tf.Variable(LOGITS)
    teacher = np.where(there[:, None] > 0, TEACHER, np.float32(0))
    with tf.GradientTape() as tape:
        objective = Objective("kl + abs_kl", registry, SCOPE)
        tensors = {**TENSORS, "logits": logits, "teacher": teacher}
        outcome = objective(tensors, present={"teacher": there})
    gradient = tape.gradient(outcome.total, logits).numpy()
    assert np.isfinite(gradient).all()
    assert (gradient[there == 0] == 0).all()
    assert (gradient[there == 1] != 0).all()
    assert float(outcome.terms[1]) == pytest.approx(abs(kl()[there == 1].sum()), rel=1e-4)


@pytest.mark.parametrize(
    ("formula", "missing"),
    [
        ("bce/rowweight", "rowweight"),
        ("kl/bce", "labels"),
        ("kl/(2*rowweight)", "rowweight"),
        ("mse(logits/rowweight, labels)", "rowweight"),
    ],
)
def test_a_missing_divisor_reaches_no_gradient(registry, formula, missing):
    there = np.array([1, 1, 0, 1, 0, 1], np.float32)
    logits = tf.Variable(LOGITS)
    column = np.where(there[:, None] > 0, TENSORS[missing] + 1, np.float32(0))
    with tf.GradientTape() as tape:
        tensors = {**TENSORS, "logits": logits, missing: column}
        total, _ = Objective(formula, registry, SCOPE)(tensors, present={missing: there})
    gradient = tape.gradient(total, logits).numpy()
    assert np.isfinite(gradient).all()
    assert (gradient[there == 0] == 0).all()
    assert (gradient[there == 1] != 0).all()


def test_a_batch_loss_that_cannot_leave_rows_out_is_refused(registry):
    @tfloss.loss(per="batch")
    def spread(labels):
        return tf.math.reduce_variance(labels)

    own = tfloss.Registry(registry.plugins).add(spread)
    assert total("spread", own) == pytest.approx(LABELS.var())
    with pytest.raises(UsageError, match="does not ask for sample_weight"):
        total("spread", own, present={"labels": np.array([1, 1, 0, 1, 0, 1], np.float32)})


def test_all_missing_is_zero_and_not_a_number_divided_by_zero(registry):
    assert total("bce", registry, present={"labels": np.zeros(ROWS, np.float32)}) == 0.0


# -- gradients as tensors ------------------------------------------------------------------------


def test_grad_is_the_derivative(registry):
    objective = Objective("mse(grad(square(logits), logits), labels)", registry, SCOPE)
    value = tf.function(lambda: objective(
        {**TENSORS, "logits": tf.constant(LOGITS), "labels": tf.constant(LABELS)}
    ).total)()  # fmt: skip
    assert float(value) == pytest.approx(((2 * LOGITS - LABELS) ** 2).mean(), rel=1e-5)


# -- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("mse(hidden1, labels)", "mse"),
        ("mse(hidden1 - labels, hidden1)", "does not broadcast"),
        ("wide*bce", "one number per example"),
        ("mean(sum(bce))", "already one number per batch"),
    ],
)
def test_shapes_that_do_not_match_are_refused(registry, formula, words):
    with pytest.raises(UsageError, match=words):
        total(formula, registry)


def test_a_loss_of_another_shape_than_declared_is_the_plugins_fault(registry):
    @tfloss.loss
    def matrix(labels, logits):
        return labels - logits

    @tfloss.loss(per="batch")
    def vector(labels):
        return labels[:, 0]

    @tfloss.loss
    def broken(labels):
        raise RuntimeError("no such thing")

    own = tfloss.Registry(registry.plugins).add(matrix, vector, broken)
    for name, words in (
        ("matrix", "one value per example"),
        ("vector", "must return a scalar"),
        ("broken", "RuntimeError: no such thing"),
    ):
        with pytest.raises(PluginError, match=words) as caught:
            total(name, own)
        assert f"'{name}'" in str(caught.value)


def test_half_precision_becomes_float32(registry):
    tensors = {"logits": tf.constant(LOGITS, tf.float16), "labels": tf.constant(LABELS)}
    outcome = Objective("bce", registry, SCOPE)({**TENSORS, **tensors})
    assert outcome.total.dtype == tf.float32
    assert float(outcome.total) == pytest.approx(bce().mean(), rel=1e-2)


# -- what it needs -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "needs"),
    [
        ("bce", {"labels", "logits"}),
        ("bce + 0.1*binary_kl", {"labels", "logits", "teacher"}),
        ("l2", {"weights"}),
        ("bce + l2('*/kernel')", {"labels", "logits", "weights"}),
        ("rowweight*bce", {"labels", "logits", "rowweight"}),
        ("mse(hidden1 - 2*hidden2, softmax(wide))", {"hidden1", "hidden2", "wide"}),
        ("mse(ema(decay=0.5).logits, labels)", {"labels", "weights"}),
        (
            "pcgrad(bce, mse(hidden1, hidden2))",
            {"labels", "logits", "hidden1", "hidden2", "weights"},
        ),
        ("gls(bce, mse(hidden1, hidden2))", {"labels", "logits", "hidden1", "hidden2"}),
    ],
)
def test_it_needs_what_the_formula_uses(registry, formula, needs):
    assert Objective(formula, registry, SCOPE).needs == needs


def test_whoever_watches_gradients_needs_the_weights(registry):
    watched = Objective("bce", registry, SCOPE, watch=tfloss.GradientMonitor(every=1))
    assert watched.needs == {"labels", "logits", "weights"}
