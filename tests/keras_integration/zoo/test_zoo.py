"""Models of the kinds in Keras' guides: attached, they train as plain Keras trains them."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import tfloss
from tests.keras_integration.zoo.models import CASES


def trained(case, attached):
    """The losses of three steps, and the weights after them."""
    keras.utils.set_random_seed(0)
    model = plain = case.build()
    optimizer = keras.optimizers.SGD(0.1)
    if attached:
        model = tfloss.attach(plain, case.formula, **case.options)
        model.compile(optimizer, run_eagerly=True)
    else:
        model.compile(optimizer, case.loss, run_eagerly=True)
    options = {"epochs": 3, "batch_size": 8, "shuffle": False, "verbose": 0}
    history = model.fit(case.x, case.y, **options)
    return history.history["loss"], plain.get_weights()


@pytest.mark.parametrize("name", CASES)
def test_it_trains_as_in_keras(name):
    expected, there = trained(CASES[name], attached=False)
    found, here = trained(CASES[name], attached=True)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert len(here) == len(there) > 0
    for one, other in zip(here, there, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_there_are_thirty():
    assert len(CASES) >= 30
