"""Margin losses against Keras and scikit-learn."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from sklearn.metrics import hinge_loss

from tfloss_losses.margin import categorical_hinge, hinge, squared_hinge

from .checks import (
    assert_derivative,
    assert_finite_and_equal_modes,
    assert_refuses_other_shapes,
    cases,
    moderate,
    of,
)

ALL = (hinge, squared_hinge, categorical_hinge)
FAMILY = (*cases(hinge, squared_hinge), *cases(categorical_hinge, columns=(3,)))
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
    [(hinge, keras.losses.hinge), (squared_hinge, keras.losses.squared_hinge)],
)
@pytest.mark.parametrize("columns", [1, 3])
def test_hinges_are_keras(loss, reference, columns):
    data = moderate(columns)
    expected = reference(2 * data["labels"] - 1, data["logits"])
    np.testing.assert_allclose(of(loss, data), expected, rtol=1e-6)


def test_hinge_of_one_column_is_scikit_learns():
    data = moderate(1, rows=30)
    reference = hinge_loss(data["labels"].ravel(), data["logits"].ravel())
    assert np.mean(of(hinge, data)) == pytest.approx(reference)


def test_categorical_hinge_is_scikit_learns():
    data = moderate(4, rows=30)
    reference = hinge_loss(np.argmax(data["labels"], axis=-1), data["logits"])
    assert np.mean(of(categorical_hinge, data)) == pytest.approx(reference)
