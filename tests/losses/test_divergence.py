"""Divergences against scipy, a double loop, and the laws that hold of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special, stats
from scipy.spatial.distance import jensenshannon

from tfloss import tf
from tfloss_losses.divergence import abs_kl, binary_kl, forward_kl, jeffreys, js, kl

from .checks import (
    assert_derivative,
    assert_finite_and_equal_modes,
    assert_refuses_other_shapes,
    cases,
    moderate,
    of,
)

ALL = (kl, abs_kl, binary_kl, forward_kl, jeffreys, js)
FAMILY = tuple(cases(*ALL))
SMOOTH = [one for one in FAMILY if "extreme" not in one.label]


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    assert_finite_and_equal_modes(FAMILY, chosen)


@pytest.mark.parametrize("chosen", SMOOTH, ids=str)
def test_derivative(chosen):
    assert_derivative(chosen)


@pytest.mark.parametrize("loss", ALL)
def test_other_shapes_are_refused(loss):
    assert_refuses_other_shapes(loss)


@pytest.mark.parametrize("loss", ALL)
@pytest.mark.parametrize("columns", [1, 3])
def test_agreement_costs_nothing(loss, columns):
    data = moderate(columns)
    probs = special.expit(data["logits"]) if loss is binary_kl else data["probs"]
    agreeing = {"teacher": probs, "logits": data["logits"]}
    np.testing.assert_allclose(of(loss, agreeing), 0, atol=1e-12)


def test_kl_of_several_columns_is_scipys_with_the_student_first():
    data = moderate(4)
    reference = stats.entropy(data["probs"], data["teacher"], axis=-1)
    np.testing.assert_allclose(of(kl, data), reference)


def test_kl_of_one_column_is_the_second_classs_share():
    data = moderate(1)
    reference = [
        p * math.log(p / q)
        for p, q in zip(data["probs"].ravel(), data["teacher"].ravel(), strict=True)
    ]
    np.testing.assert_allclose(of(kl, data), reference)
    assert min(reference) < 0 < max(reference)


def test_kl_is_at_least_minus_one_over_e_on_one_column():
    logits = np.linspace(-5, 5, 201)[:, None]
    values = of(kl, {"teacher": np.ones_like(logits), "logits": logits})
    assert np.min(values) == pytest.approx(-1 / math.e, abs=1e-4)


@pytest.mark.parametrize("columns", [1, 3])
def test_abs_kl_is_the_batchs_absolute_sum(columns):
    data = moderate(columns, rows=20)
    total = 0.0
    for row, (p, q) in enumerate(zip(data["probs"], data["teacher"], strict=True)):
        for column in range(columns):
            total += data["sample_weight"][row] * p[column] * math.log(p[column] / q[column])
    assert of(abs_kl, data) == pytest.approx(abs(total))
    unweighted = {name: data[name] for name in ("teacher", "logits")}
    assert of(abs_kl, unweighted) == pytest.approx(abs(np.sum(of(kl, data))))


def test_abs_kl_leaves_out_what_has_no_weight_whatever_it_holds():
    data = moderate(1)
    data["teacher"][2], data["sample_weight"][2] = np.nan, 0
    assert np.isfinite(of(abs_kl, data))


def test_abs_kl_refuses_weights_in_a_column():
    data = moderate(1)
    with pytest.raises(ValueError, match="sample_weight"):
        abs_kl(*(tf.constant(data[name]) for name in ("teacher", "logits", "labels")))


@pytest.mark.parametrize("columns", [1, 3])
def test_binary_kl_is_the_sum_over_both_outcomes(columns):
    data = moderate(columns)
    p, q = special.expit(data["logits"]), data["teacher"]
    reference = special.rel_entr(p, q) + special.rel_entr(1 - p, 1 - q)
    np.testing.assert_allclose(of(binary_kl, data), reference.sum(axis=-1))


def test_binary_kl_of_one_column_is_kl_of_both_columns():
    data = moderate(1)
    z, q = data["logits"], data["teacher"]
    both = {"logits": np.hstack([0 * z, z]), "teacher": np.hstack([1 - q, q])}
    np.testing.assert_allclose(of(binary_kl, data), of(kl, both))


@pytest.mark.parametrize("loss", [binary_kl, forward_kl, jeffreys, js])
@pytest.mark.parametrize("columns", [1, 3])
def test_never_negative(loss, columns):
    assert np.all(of(loss, moderate(columns, rows=500)) >= 0)


def test_js_is_scipys_squared_distance():
    data = moderate(4)
    reference = jensenshannon(data["probs"], data["teacher"], axis=-1) ** 2
    np.testing.assert_allclose(of(js, data), reference)


def test_js_of_one_column_is_of_the_two_bernoullis():
    data = moderate(1)
    p, q = (np.hstack([1 - x, x]) for x in (data["probs"], data["teacher"]))
    np.testing.assert_allclose(of(js, data), jensenshannon(p, q, axis=-1) ** 2)


def test_js_is_symmetric():
    data = moderate(3)
    swapped = {"teacher": data["probs"], "logits": np.log(data["teacher"])}
    np.testing.assert_allclose(of(js, data), of(js, swapped))


def test_js_reaches_log_two_and_no_more():
    apart = {"teacher": np.array([[1.0, 0.0], [0.0, 1.0]]), "logits": np.array([[-1e4, 1e4]] * 2)}
    np.testing.assert_allclose(of(js, apart), [math.log(2), 0], atol=1e-12)


@pytest.mark.parametrize("columns", [1, 3])
def test_forward_kl_and_jeffreys_are_scipys(columns):
    data = moderate(columns)
    p, q = data["probs"], data["teacher"]
    if columns == 1:
        p, q = (np.hstack([1 - x, x]) for x in (p, q))
    reverse = stats.entropy(q, p, axis=-1)
    np.testing.assert_allclose(of(forward_kl, data), reverse)
    np.testing.assert_allclose(of(jeffreys, data), reverse + stats.entropy(p, q, axis=-1))
