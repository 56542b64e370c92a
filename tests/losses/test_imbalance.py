"""Losses for imbalance against Keras, and their limits."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfloss_losses.classification import bce, ce
from tfloss_losses.imbalance import asymmetric, focal, poly1

from .checks import (
    assert_derivative,
    assert_finite_and_equal_modes,
    assert_refuses_other_shapes,
    case,
    cases,
    extreme,
    moderate,
    of,
)

ALL = (focal, asymmetric, poly1)
FAMILY = (
    *cases(*ALL),
    case(focal, "extreme-slow", extreme(1), gamma=0.5),
    case(focal, "weighted", moderate(1), alpha=0.25),
    case(asymmetric, "extreme-slow", extreme(3), gamma_negative=0.5, gamma_positive=0.5),
)
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


def test_focal_with_a_weight_for_each_class_is_keras():
    data, alpha = moderate(3), [0.2, 0.3, 0.9]
    reference = keras.losses.CategoricalFocalCrossentropy(
        alpha=alpha, from_logits=True, reduction=None
    )(data["labels"], data["logits"])
    np.testing.assert_allclose(of(focal, data, alpha=alpha), reference, rtol=1e-5)
    one = moderate(1)
    np.testing.assert_allclose(of(focal, one, alpha=[0.7, 0.3]), of(focal, one, alpha=0.3))


@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
@pytest.mark.parametrize("alpha", [None, 0.3])
def test_focal_of_one_column_is_keras(gamma, alpha):
    data = moderate(1)
    reference = keras.losses.binary_focal_crossentropy(
        data["labels"],
        data["logits"],
        from_logits=True,
        gamma=gamma,
        alpha=alpha or 0.5,
        apply_class_balancing=alpha is not None,
    )
    np.testing.assert_allclose(of(focal, data, gamma=gamma, alpha=alpha), reference, rtol=1e-5)


def test_focal_of_several_columns_is_keras():
    data = moderate(4)
    reference = keras.losses.categorical_focal_crossentropy(
        data["labels"], data["logits"], from_logits=True, alpha=1.0, gamma=2.0
    )
    np.testing.assert_allclose(of(focal, data), reference, rtol=1e-5)


@pytest.mark.parametrize(("columns", "plain"), [(1, bce), (3, ce)])
def test_switched_off_they_are_cross_entropy(columns, plain):
    data = moderate(columns)
    np.testing.assert_allclose(of(focal, data, gamma=0), of(plain, data))
    np.testing.assert_allclose(of(poly1, data, epsilon=0), of(plain, data))


def test_asymmetric_switched_off_is_bce():
    data = moderate(3)
    off = {"gamma_positive": 0, "gamma_negative": 0, "margin": 0}
    np.testing.assert_allclose(of(asymmetric, data, **off), of(bce, data))


def test_asymmetric_is_the_papers_double_loop():
    data = moderate(3)
    ours = of(asymmetric, data, gamma_positive=1, gamma_negative=3, margin=0.2)
    for row, value in enumerate(ours):
        total = 0.0
        for y, z in zip(data["labels"][row], data["logits"][row], strict=True):
            p = 1 / (1 + np.exp(-z))
            shifted = max(p - 0.2, 0)
            total += (1 - p) * np.log(p) if y else shifted**3 * np.log(1 - shifted)
        assert value == pytest.approx(-total / 3)


def test_poly1_adds_what_the_label_lacks():
    data = moderate(3)
    lacking = 1 - np.sum(data["labels"] * data["probs"], axis=-1)
    np.testing.assert_allclose(of(poly1, data, epsilon=2) - of(ce, data), 2 * lacking)


@pytest.mark.parametrize(
    ("loss", "columns", "settings"),
    [
        (focal, 1, {"gamma": -1}),
        (focal, 1, {"alpha": 2}),
        (focal, 3, {"alpha": 0.25}),
        (focal, 3, {"alpha": [0.25, 0.75]}),
        (focal, 1, {"alpha": [0.25]}),
        (asymmetric, 1, {"margin": 1}),
        (asymmetric, 1, {"gamma_negative": -1}),
        (poly1, 1, {"epsilon": -2}),
    ],
)
def test_settings_outside_their_bounds_are_refused(loss, columns, settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        of(loss, moderate(columns), **settings)
