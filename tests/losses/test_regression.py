"""Regression losses against Keras, scikit-learn and scipy."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy import special
from sklearn.metrics import mean_absolute_error, mean_squared_error

from tfloss_losses.regression import huber, mae, mse

from .checks import (
    assert_derivative,
    assert_finite_and_equal_modes,
    assert_refuses_other_shapes,
    case,
    cases,
    moderate,
    of,
)

ALL = (mse, mae, huber)
FAMILY = (*cases(*ALL), case(huber, "narrow", moderate(3), delta=0.3))
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
    with pytest.raises(ValueError, match="'delta' is 0 but must be positive"):
        of(huber, moderate(1), delta=0)
