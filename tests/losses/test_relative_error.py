"""Relative errors against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_percentage_error, mean_squared_log_error

from tfloss_losses.relative_error import mape, msle, smape

from .checks import (
    assert_derivative,
    assert_finite_and_equal_modes,
    assert_refuses_other_shapes,
    case,
    extreme,
    moderate,
    of,
)

ALL = (msle, mape, smape)


def positive(columns):
    """Amounts away from zero, where these errors have their kinks."""
    data = moderate(columns)
    return {"labels": data["labels"] + 0.5, "prediction": np.exp(data["logits"])}


FAMILY = tuple(
    case(loss, label, data)
    for loss in ALL
    for label, data in (("positive", positive(3)), ("extreme", extreme(1)))
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


@pytest.mark.parametrize(
    ("loss", "reference"),
    [(msle, mean_squared_log_error), (mape, mean_absolute_percentage_error)],
)
def test_scikit_learns(loss, reference):
    data = positive(3)
    assert np.mean(of(loss, data)) == pytest.approx(reference(data["labels"], data["prediction"]))


def test_smape_is_its_formula():
    data = positive(3)
    reference = [
        sum(abs(y - z) / ((abs(y) + abs(z)) / 2) for y, z in zip(*rows, strict=True)) / 3
        for rows in zip(data["labels"], data["prediction"], strict=True)
    ]
    np.testing.assert_allclose(of(smape, data), reference)


def test_smape_of_nothing_predicted_for_nothing_is_zero():
    assert of(smape, {"labels": np.zeros((1, 2)), "prediction": np.zeros((1, 2))}) == 0


@pytest.mark.parametrize("loss", [mape, smape])
def test_an_epsilon_of_zero_is_refused(loss):
    with pytest.raises(ValueError, match="epsilon"):
        of(loss, positive(1), epsilon=0)
