"""Penalties against Keras' regularizers."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfloss import tf
from tfloss_losses.penalty import l1, l2

from .checks import assert_derivative, assert_finite_and_equal_modes, cases, moderate, of

FAMILY = tuple(cases(l1, l2))
SMOOTH = [one for one in FAMILY if "extreme" not in one.label]


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    assert_finite_and_equal_modes(FAMILY, chosen)


@pytest.mark.parametrize("chosen", SMOOTH, ids=str)
def test_derivative(chosen):
    assert_derivative(chosen)


@pytest.mark.parametrize(
    ("loss", "reference"), [(l1, keras.regularizers.L1(1.0)), (l2, keras.regularizers.L2(1.0))]
)
def test_keras_regularizers(loss, reference):
    data = moderate(3)
    expected = sum(float(reference(weight)) for weight in data["weights"])
    assert of(loss, data) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("loss", [l1, l2])
def test_one_tensor_will_do(loss):
    weight = np.arange(6.0).reshape(2, 3)
    assert loss(tf.constant(weight)).numpy() == loss([tf.constant(weight)]).numpy()


@pytest.mark.parametrize("loss", [l1, l2])
def test_no_weights_at_all_are_refused(loss):
    with pytest.raises(ValueError, match="no weights"):
        loss([])
