"""Regression losses against Keras, scikit-learn and scipy."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy import special
from scipy.spatial import distance
from sklearn.metrics import mean_absolute_error, mean_squared_error

from tfloss_losses.regression import charbonnier, cosine_distance, huber, log_cosh, mae, mse, wing

from .checks import (
    assert_derivative,
    assert_finite_and_equal_modes,
    assert_refuses_other_shapes,
    case,
    cases,
    moderate,
    of,
)

ALL = (mse, mae, huber, log_cosh, charbonnier, wing)
FAMILY = (
    *cases(*ALL),
    *cases(cosine_distance, columns=(2, 3)),
    case(huber, "narrow", moderate(3), delta=0.3),
    case(wing, "narrow", moderate(3), width=0.3),
)
SMOOTH = [one for one in FAMILY if "extreme" not in one.label]


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    assert_finite_and_equal_modes(FAMILY, chosen)


@pytest.mark.parametrize("chosen", SMOOTH, ids=str)
def test_derivative(chosen):
    assert_derivative(chosen)


@pytest.mark.parametrize("loss", [*ALL, cosine_distance])
def test_other_shapes_are_refused(loss):
    assert_refuses_other_shapes(loss)


def test_mse_and_mae_are_scikit_learns():
    data = moderate(3)
    pair = data["labels"], data["prediction"]
    assert np.mean(of(mse, data)) == pytest.approx(mean_squared_error(*pair))
    assert np.mean(of(mae, data)) == pytest.approx(mean_absolute_error(*pair))


@pytest.mark.parametrize("delta", [0.3, 1.0, 5.0])
def test_huber_is_scipys_and_keras(delta):
    data = moderate(3)
    ours = of(huber, data, delta=delta)
    residual = data["labels"] - data["prediction"]
    np.testing.assert_allclose(ours, np.mean(special.huber(delta, residual), axis=-1))
    reference = keras.losses.huber(data["labels"], data["prediction"], delta=delta)
    np.testing.assert_allclose(ours, reference, rtol=1e-6)


@pytest.mark.parametrize("loss", ALL)
def test_all_axes_but_the_first_are_averaged(loss):
    data = moderate(6)
    folded = {name: data[name].reshape(5, 2, 3) for name in ("labels", "prediction")}
    np.testing.assert_allclose(of(loss, folded), of(loss, data))


def test_huber_refuses_a_delta_of_zero():
    with pytest.raises(ValueError, match="'delta' of 'huber' is 0 but must be positive"):
        of(huber, moderate(1), delta=0)


def test_log_cosh_is_keras_and_does_not_overflow():
    data = moderate(3)
    reference = keras.losses.log_cosh(data["labels"], data["prediction"])
    np.testing.assert_allclose(of(log_cosh, data), reference, rtol=1e-5)
    far = {"labels": np.zeros((1, 1)), "prediction": np.full((1, 1), 1e4)}
    assert of(log_cosh, far)[0] == pytest.approx(1e4 - np.log(2))


def test_charbonnier_is_the_length_of_error_and_epsilon():
    data = moderate(3)
    residual = data["labels"] - data["prediction"]
    reference = np.hypot(residual, 0.2).mean(axis=-1)
    np.testing.assert_allclose(of(charbonnier, data, epsilon=0.2), reference)


def test_wing_is_the_papers_two_branches():
    data = moderate(3)
    ours = of(wing, data, width=1.0, epsilon=0.5)
    for row, value in enumerate(ours):
        total = 0.0
        for y, z in zip(data["labels"][row], data["prediction"][row], strict=True):
            error = abs(y - z)
            offset = 1.0 - 1.0 * np.log(1 + 1.0 / 0.5)
            total += np.log(1 + error / 0.5) if error < 1 else error - offset
        assert value == pytest.approx(total / 3)


def test_cosine_distance_is_scipys_and_scale_free():
    data = moderate(3)
    pairs = zip(data["labels"], data["prediction"], strict=True)
    reference = [distance.cosine(y, z) for y, z in pairs]
    np.testing.assert_allclose(of(cosine_distance, data), reference)
    scaled = data | {"prediction": 7 * data["prediction"]}
    np.testing.assert_allclose(of(cosine_distance, scaled), reference)


def test_cosine_distance_of_one_column_is_refused():
    with pytest.raises(ValueError, match="use mse"):
        of(cosine_distance, moderate(1))


@pytest.mark.parametrize(
    ("loss", "settings"), [(charbonnier, {"epsilon": 0}), (wing, {"width": -1})]
)
def test_settings_outside_their_bounds_are_refused(loss, settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        of(loss, moderate(1), **settings)
