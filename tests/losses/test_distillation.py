"""Distillation losses against the papers' formulas written out in numpy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats
from sklearn.metrics import log_loss

from tfloss import tf
from tfloss_losses.distillation import dkd, hard_labels, kd, kd_standardised, logit_mse

from .checks import (
    assert_derivative,
    assert_finite_and_equal_modes,
    assert_refuses_other_shapes,
    case,
    cases,
    moderate,
    of,
)

FAMILY = (
    *cases(kd, hard_labels, logit_mse),
    *cases(dkd, columns=(2, 4)),
    *cases(kd_standardised, columns=(3,)),
    case(kd, "hot", moderate(3), temperature=10),
)
SMOOTH = [one for one in FAMILY if "extreme" not in one.label]


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    assert_finite_and_equal_modes(FAMILY, chosen)


@pytest.mark.parametrize("chosen", SMOOTH, ids=str)
def test_derivative(chosen):
    assert_derivative(chosen)


@pytest.mark.parametrize("loss", [kd, dkd, kd_standardised, hard_labels, logit_mse])
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


@pytest.mark.parametrize("temperature", [1, 4])
def test_kd_is_the_sum_of_dkds_parts(temperature):
    # Zhao et al. 2022, eq. 6: KD = TCKD + (1 - q of the label) NCKD, q softened.
    data = moderate(4, rows=8)
    soft = special.softmax(np.log(data["teacher"]) / temperature, axis=-1)
    share = 1 - np.sum(soft * data["labels"], axis=-1)
    label_part = of(dkd, data, alpha=1, beta=0, temperature=temperature)
    others_part = of(dkd, data, alpha=0, beta=1, temperature=temperature)
    whole = of(kd, data, temperature=temperature)
    np.testing.assert_allclose(label_part + share * others_part, whole)


def test_the_parts_of_dkd_are_scipys_divergences():
    data = moderate(4)
    p, q, own = data["probs"], data["teacher"], data["labels"] == 1
    pair = [np.stack([x[own], 1 - x[own]], axis=-1) for x in (q, p)]
    rest = [x[~own].reshape(-1, 3) for x in (q, p)]
    reference = stats.entropy(*pair, axis=-1) + 2 * stats.entropy(*rest, axis=-1)
    np.testing.assert_allclose(of(dkd, data, beta=2, temperature=1), reference)


def test_kd_standardised_is_the_divergence_of_z_scores():
    teacher_logits = np.random.default_rng(3).normal(size=(6, 4))
    data = moderate(4, rows=6) | {"teacher": special.softmax(teacher_logits, axis=-1)}
    q, p = (
        special.softmax(stats.zscore(z, axis=-1) / 3, axis=-1)
        for z in (teacher_logits, data["logits"])
    )
    reference = 9 * stats.entropy(q, p, axis=-1)
    np.testing.assert_allclose(of(kd_standardised, data, temperature=3), reference)


def test_kd_standardised_ignores_the_scale_of_the_students_logits():
    data = moderate(4)
    scaled = data | {"logits": 5 * data["logits"] + 1}
    np.testing.assert_allclose(of(kd_standardised, scaled), of(kd_standardised, data))


def test_kd_standardised_of_two_columns_is_refused():
    with pytest.raises(ValueError, match="use kd"):
        of(kd_standardised, moderate(2))


def test_hard_labels_are_scikit_learns_log_loss_of_the_decision():
    data = moderate(3)
    reference = log_loss(np.argmax(data["teacher"], axis=-1), data["probs"], labels=[0, 1, 2])
    assert np.mean(of(hard_labels, data)) == pytest.approx(reference)
    one = moderate(1)
    reference = log_loss(one["teacher"].ravel() > 0.5, one["probs"].ravel(), labels=[0, 1])
    assert np.mean(of(hard_labels, one)) == pytest.approx(reference)


def test_logit_mse_is_the_squared_distance_of_logits():
    rng = np.random.default_rng(3)
    one, three = rng.normal(size=(5, 1)), rng.normal(size=(5, 3))
    data = moderate(1) | {"teacher": special.expit(one)}
    np.testing.assert_allclose(of(logit_mse, data), (data["logits"] - one)[:, 0] ** 2)
    data = moderate(3) | {"teacher": special.softmax(three, axis=-1)}
    np.testing.assert_allclose(of(logit_mse, data), np.var(data["logits"] - three, axis=-1))


@pytest.mark.parametrize("loss", [dkd, logit_mse, kd_standardised])
def test_the_others_cost_nothing_on_agreement_either(loss):
    data = moderate(4)
    agreeing = data | {"teacher": data["probs"]}
    np.testing.assert_allclose(of(loss, agreeing), 0, atol=1e-12)


@pytest.mark.parametrize(("loss", "name"), [(dkd, "labels"), (hard_labels, "teacher")])
def test_a_nan_among_the_targets_is_not_taken_for_a_class(loss, name):
    data = moderate(3)
    data[name][1, 0] = np.nan
    assert np.isnan(of(loss, data)).tolist() == [False, True, False, False, False]
