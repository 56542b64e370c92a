"""Initial weights of many students at once are those of students that were built."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfloss.comparison.replicates.initial_weights import _replayed, initial_values

SEEDS = list(range(5, 14))


def model(seed, kernel="glorot_uniform", dropout=0.0, batch_norm=False):
    keras.utils.set_random_seed(seed)
    layers = [keras.layers.Dense(4, kernel_initializer=kernel, bias_initializer="random_normal")]
    layers += [keras.layers.Dropout(dropout)] * bool(dropout)
    layers += [keras.layers.BatchNormalization()] * batch_norm
    return keras.Sequential([keras.Input((6,)), *layers, keras.layers.Dense(2)])


@pytest.mark.parametrize(
    ("options", "replayed"),
    [
        ({}, True),
        ({"kernel": "he_normal"}, True),
        ({"batch_norm": True}, True),
        ({"kernel": "orthogonal"}, None),  # whichever execution, the values are the same
        ({"dropout": 0.5}, False),  # a generator's state is a variable without initializer
    ],
)
def test_values_are_those_of_models_that_were_built(options, replayed):
    found = initial_values(lambda seed: model(seed, **options), SEEDS)
    for place, seed in enumerate(SEEDS):
        for values, variable in zip(found, model(seed, **options).variables, strict=True):
            np.testing.assert_array_equal(values[place], variable.numpy())
    if replayed is not None:
        assert (_replayed(model(SEEDS[0], **options), SEEDS) is not None) is replayed
