"""Distillation losses against the papers' formulas written out in numpy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from tfloss import tf
from tfloss_losses.distillation import kd

from .checks import (
    assert_derivative,
    assert_finite_and_equal_modes,
    assert_refuses_other_shapes,
    case,
    cases,
    moderate,
    of,
)

FAMILY = (*cases(kd), case(kd, "hot", moderate(3), temperature=10))
SMOOTH = [one for one in FAMILY if "extreme" not in one.label]


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    assert_finite_and_equal_modes(FAMILY, chosen)


@pytest.mark.parametrize("chosen", SMOOTH, ids=str)
def test_derivative(chosen):
    assert_derivative(chosen)


@pytest.mark.parametrize("loss", [kd])
def test_other_shapes_are_refused(loss):
    assert_refuses_other_shapes(loss)


@pytest.mark.parametrize("temperature", [0.5, 1, 2, 10])
def test_kd_is_the_divergence_of_softened_logits(temperature):
    # Hinton et al. soften the teacher's logits; ours gets the probabilities that they make.
    teacher_logits = np.random.default_rng(3).normal(size=(6, 4))
    data = moderate(4, rows=6) | {"teacher": special.softmax(teacher_logits, axis=-1)}
    reference = stats.entropy(
        special.softmax(teacher_logits / temperature, axis=-1),
        special.softmax(data["logits"] / temperature, axis=-1),
        axis=-1,
    )
    np.testing.assert_allclose(
        of(kd, data, temperature=temperature), temperature**2 * reference, atol=1e-12
    )


def test_kd_of_one_column_is_of_the_two_bernoullis():
    data = moderate(1)
    both = {
        "logits": np.hstack([0 * data["logits"], data["logits"]]),
        "teacher": np.hstack([1 - data["teacher"], data["teacher"]]),
    }
    np.testing.assert_allclose(of(kd, data), of(kd, both))


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("temperature", [1, 4])
def test_agreement_costs_nothing(columns, temperature):
    data = moderate(columns)
    agreeing = {"teacher": data["probs"], "logits": data["logits"]}
    np.testing.assert_allclose(of(kd, agreeing, temperature=temperature), 0, atol=1e-12)


def test_the_gradients_of_kd_keep_their_size_at_high_temperatures():
    # Hinton et al. 2015, section 2.1: in the limit, T² times the gradient is (z - v)/C.
    rng = np.random.default_rng(0)
    student, teacher = (x - x.mean(-1, keepdims=True) for x in rng.normal(size=(2, 5, 4)))
    logits = tf.constant(student)
    for temperature in (100, 1000):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            values = kd(special.softmax(teacher, axis=-1), logits, temperature=temperature)
        np.testing.assert_allclose(
            tape.gradient(values, logits), (student - teacher) / 4, atol=5 / temperature
        )


def test_a_temperature_of_zero_is_refused():
    with pytest.raises(ValueError, match="temperature"):
        of(kd, moderate(1), temperature=0)
