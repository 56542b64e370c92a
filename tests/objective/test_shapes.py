"""Rows that are missing on either side, places along a second axis, and shapes that are refused."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import tfloss
from tests.objective.builders import (
    HIDDEN,
    LABELS,
    SCOPE,
    TEACHER,
    TENSORS,
    WEIGHT,
    bce,
    kl,
    total,
)
from tfloss.errors import PluginError, UsageError
from tfloss.formula import FormulaError
from tfloss.objective import Entry, Objective, Scope, plan_terms

A = np.array([1, 1, 0, 1, 0, 1], np.float32)
B = np.array([0, 1, 1, 1, 0, 1], np.float32)


@pytest.mark.parametrize("formula", ["bce*kl", "bce + kl", "bce - kl", "maximum(bce, kl)"])
def test_a_row_counts_where_both_sides_are_there(registry, formula):
    operations = {"*": np.multiply, "+": np.add, "-": np.subtract, "maximum": np.maximum}
    operate = operations[next(name for name in operations if name in formula)]
    both = (A * B) == 1
    present = {"labels": A, "teacher": B}
    value = total(f"2*({formula})", registry, present=present, allow_negative=True)
    assert value == pytest.approx(2 * operate(bce(), kl())[both].mean(), rel=1e-5)


def test_a_missing_row_that_would_be_infinite_counts_nothing(registry):
    column = np.where(A > 0, np.float32(2), np.float32(0))[:, None]
    value = total(
        "bce*log(rowweight)", registry, tensors={"rowweight": column}, present={"rowweight": A}
    )
    assert value == pytest.approx((bce() * np.log(2))[A == 1].mean(), rel=1e-5)


def test_a_loss_of_two_tensors_counts_where_both_are_there(registry):
    value = total("mse(labels, teacher)", registry, present={"labels": A, "teacher": B})
    both = (A * B) == 1
    assert value == pytest.approx(((LABELS - TEACHER) ** 2)[both].mean(), rel=1e-5)


def test_missing_rows_and_weights_at_once(registry):
    value = total("bce", registry, present={"labels": A}, sample_weight=WEIGHT)
    assert value == pytest.approx((WEIGHT * bce())[A == 1].mean(), rel=1e-5)


def test_what_a_loss_makes_of_a_missing_row_counts_nothing(registry):
    @tfloss.loss
    def logarithm(labels):
        return tf.math.log(labels[:, 0])

    own = tfloss.Registry(registry.plugins).add(logarithm)
    column = np.where(A > 0, np.float32(2), np.float32(0))[:, None]
    value = total("logarithm", own, tensors={"labels": column}, present={"labels": A})
    assert value == pytest.approx(np.log(2), rel=1e-5)


def test_values_of_tensors_of_the_same_shape(registry):
    expected = ((HIDDEN - HIDDEN[::-1] - HIDDEN[::-1]) ** 2).mean()
    value = total("mse(hidden1 - hidden2, hidden2)", registry)
    assert value == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("mse(labels - sample_weight, labels)", r"(6, 1) and (6,) do not match"),
        ("wide*bce", "'wide' has shape (6, 4)"),
    ],
)
def test_refusals_show_the_shapes(registry, formula, words):
    with pytest.raises(UsageError) as error:
        total(formula, registry)
    assert words in str(error.value)


def test_an_unknown_batch_is_called_so(registry):
    objective = Objective("wide*bce", registry, SCOPE)
    signature = {
        name: tf.TensorSpec((None, *TENSORS[name].shape[1:]), tf.float32)
        for name in ("wide", "labels", "logits")
    }
    with pytest.raises(UsageError, match=r"'wide' has shape \(batch, 4\)"):
        tf.function(objective, autograph=False).get_concrete_function(signature)


# -- places along a second axis --------------------------------------------------------------------

PLACES = np.random.default_rng(1).normal(size=(5, 3, 4)).astype(np.float32)


@pytest.fixture
def own(registry):
    @tfloss.loss
    def rows(places):
        return tf.reduce_sum(places, -1)

    @tfloss.loss
    def elements(places):
        return places

    @tfloss.loss(per="batch")
    def matrix(places):
        return tf.reduce_sum(places, -1)

    return tfloss.Registry(registry.plugins).add(rows, elements, matrix)


def on_places(formula, registry):
    scope = Scope([Entry("places", "data", (None, 3, 4), known_outside=True)])
    return float(Objective(formula, registry, scope)({"places": PLACES}).total)


def test_a_loss_of_rows_is_averaged_over_the_places(own):
    assert on_places("rows", own) == pytest.approx(PLACES.sum(-1).mean(), rel=1e-4)
    largest = PLACES.sum(-1).mean(1).max()  # of the examples, not of the places
    assert on_places("max(rows)", own) == pytest.approx(largest, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "words"),
    [("elements", "returned shape (5, 3, 4)"), ("matrix", "it must return a scalar")],
)
def test_nothing_else_is_averaged_silently(own, name, words):
    with pytest.raises(PluginError) as error:
        on_places(name, own)
    assert words in str(error.value)
    assert "of this program returned" in str(error.value)


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("failing", "failing"),
        ("failing(hidden1)", "failing(labels=hidden1)"),
        ("failing(labels=hidden1)", "failing(labels=hidden1)"),
        ("failing(hidden1 - 1, hidden2)", "failing(labels=hidden1 - 1, logits=hidden2)"),
        ("failing(gamma=1)", "failing(gamma=1)"),
        ("failing(labels)", "failing(labels)"),
    ],
)
def test_a_refusal_names_the_call_with_what_is_bound(registry, formula, said):
    @tfloss.loss
    def failing(labels, logits, *, gamma=2.0):
        raise ValueError("not these.")

    own = tfloss.Registry(registry.plugins).add(failing)
    with pytest.raises(UsageError) as error:
        total(formula, own)
    assert str(error.value) == f"In '{said}': not these."


@pytest.mark.parametrize(
    ("formula", "words", "marked"),
    [
        (
            "bce + 2*mse(hidden1, labels)",
            "'labels' has shape (batch, 4) but 'prediction' has",
            "mse(",
        ),
        ("kl(teacher=wide)", "'teacher' has shape (batch, 4) but 'logits' has", "kl("),
        ("mse(hidden1 - 2*hidden2, rowweight/3)", "has shape (batch, 4)", "mse("),
    ],
)
def test_a_plan_refuses_shapes_that_the_scope_knows(registry, formula, words, marked):
    with pytest.raises(FormulaError) as error:
        plan_terms(formula, registry, SCOPE)
    assert words in error.value.message
    assert formula[error.value.start :].startswith(marked)


def test_an_unknown_shape_is_left_to_the_step(registry):
    unknown = Scope([Entry("wide", "data"), Entry("labels", "data", (None, None))])
    plan_terms("mse(labels, wide)", registry, unknown)
    plan_terms("mse(softmax(hidden1), labels)", registry, SCOPE)


# -- lists with an entry for each column -----------------------------------------------------------

WIDE = Scope(
    [
        Entry("labels", "data", (None, 1)),
        Entry("prediction", "output", (None, 3)),
        Entry("logits", "output", (None, 3)),
        Entry("classes", "data", (None, 3)),
        Entry("later", "layer"),
    ]
)


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("quantile(levels=[0.1, 0.9])", "needs 2 columns for each of 'labels' of shape (batch, 1)"),
        ("quantile(levels=[0.1, 0.9])", "name a layer that has them, prediction=LAYER, or"),
        ("quantile(levels=0.9)", "'labels' has shape (batch, 1) but 'prediction' has shape"),
        ("quantile", "give both the same shape"),
        ("bce(classes, pos_weight=[1, 2])", "'logits' of shape (batch, 3) needs 3, one for each"),
        ("ce(classes, class_weights=[1])", "'class_weights' has 1 entry, but 'logits'"),
        ("focal(classes, alpha=[0.5, 1])", "needs 3, one for each class"),
        ("dice(classes, class_weights=[1, 2])", "needs 3, one for each column"),
        ("logit_adjusted(classes, counts=[5, 2])", "needs 3, one for each class"),
        ("bce(classes, pos_weight=[1, 0, 2])", "is [1, 0, 2] but must be positive, each"),
        ("bce(classes, pos_weight='a')", "is a number"),
        ("bce(classes, label_smoothing=[0.1])", "is a number, not [0.1]"),
    ],
)
def test_a_list_of_another_length_is_refused_before_anything_is_computed(registry, formula, words):
    with pytest.raises(FormulaError) as error:
        plan_terms(formula, registry, WIDE)
    assert words in str(error.value)


@pytest.mark.parametrize(
    "formula",
    [
        "quantile(levels=[0.1, 0.5, 0.9])",
        "quantile(later, levels=[0.1, 0.9])",
        "bce(classes, pos_weight=[1, 2, 3])",
        "bce(classes, pos_weight=3)",
        "focal(labels, labels, alpha=[0.2, 0.8])",
        "focal(labels, labels, alpha=0.2)",
    ],
)
def test_a_list_that_fits_or_is_not_known_to_be_wrong_passes(registry, formula):
    plan_terms(formula, registry, WIDE)


def test_a_list_in_a_formula_is_what_it_is_in_python(registry):
    labels = np.eye(3, dtype=np.float32)[[0, 2, 1, 1, 0, 2]]
    logits = np.random.default_rng(3).normal(size=(6, 3)).astype(np.float32)
    given = {"classes": labels, "logits": logits}
    formula = "bce(classes, pos_weight=[0.5, 1, 4])"
    found = float(Objective(formula, registry, WIDE)(given).total)
    each = tf.nn.weighted_cross_entropy_with_logits(labels, logits, tf.constant([0.5, 1.0, 4.0]))
    assert found == pytest.approx(float(tf.reduce_mean(each)), rel=1e-5)
