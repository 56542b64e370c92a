"""Students for tests, reached as `tests.comparison.models:NAME`."""

from __future__ import annotations

import keras


def normalised(inputs, outputs):
    """Batch normalisation: variables that change without a gradient."""
    source = keras.Input((inputs,))
    hidden = keras.layers.Dense(4, activation="tanh", name="hidden")(source)
    hidden = keras.layers.BatchNormalization(momentum=0.5)(hidden)
    return keras.Model(source, keras.layers.Dense(outputs)(hidden))


def regularised(inputs, outputs):
    """A model with losses of its own."""
    source = keras.Input((inputs,))
    hidden = keras.layers.Dense(4, kernel_regularizer="l2", name="hidden")(source)
    return keras.Model(source, keras.layers.Dense(outputs)(hidden))


def constrained(inputs, outputs):
    """A weight that must be put back after every step, by its norm."""
    source = keras.Input((inputs,))
    hidden = keras.layers.Dense(4, kernel_constraint="max_norm")(source)
    return keras.Model(source, keras.layers.Dense(outputs)(hidden))
