"""Students for tests, reached as `tests.comparison.models:NAME`."""

from __future__ import annotations

import keras
import numpy as np


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


def with_seeds(inputs, outputs):
    """Seeds of several kinds: an initializer's own, a fixed one, a layer's that draws at random."""
    keras_uniform = keras.initializers.RandomUniform(seed=3)
    return keras.Sequential(
        [
            keras.Input((inputs,)),
            keras.layers.Dense(3, kernel_initializer="he_normal", bias_initializer=keras_uniform),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(outputs, kernel_initializer="orthogonal"),
        ]
    )


def by_numpy(inputs, outputs):
    """Weights that Keras' initializers do not make."""
    model = keras.Sequential([keras.Input((inputs,)), keras.layers.Dense(outputs)])
    model.layers[-1].set_weights([np.random.normal(size=(inputs, outputs)), np.zeros(outputs)])
    return model
