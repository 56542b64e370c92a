"""Small models and data for the tests of attached models."""

from __future__ import annotations

import keras
import numpy as np

import tfloss

ROWS = 24


def data(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(24, 3) features and 0/1 labels that follow from the first."""
    x = np.random.default_rng(seed).normal(size=(ROWS, 3)).astype(np.float32)
    return x, (x[:, 0] > 0).astype(np.int64)


def functional(last: str | None = "sigmoid", units: int = 1, **options) -> keras.Model:
    keras.utils.set_random_seed(0)
    source = keras.Input((3,), name="rows")
    hidden = keras.layers.Dense(4, "tanh", name="hidden", **options)(source)
    return keras.Model(source, keras.layers.Dense(units, last, name="out")(hidden))


def sequential() -> keras.Model:
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(4, "tanh", name="hidden"), keras.layers.Dense(1, name="out")]
    return keras.Sequential([keras.Input((3,)), *layers])


@keras.saving.register_keras_serializable(package="tests")
class Subclassed(keras.Model):
    """Has an inner tensor of its own, named by `tap`."""

    def __init__(self, **options):
        super().__init__(**options)
        self.hidden = keras.layers.Dense(4, "tanh", name="hidden")
        self.out = keras.layers.Dense(1, "sigmoid", name="out")

    def call(self, inputs, training=False):
        inner = tfloss.tap("middle", 2.0 * self.hidden(inputs))
        return self.out(inner)


def two_ended() -> keras.Model:
    """Two inputs, two outputs: a class and a price."""
    keras.utils.set_random_seed(0)
    left, right = keras.Input((3,), name="left"), keras.Input((2,), name="right")
    both = keras.layers.Concatenate(name="both")([left, right])
    kind = keras.layers.Dense(1, "sigmoid", name="kind")(both)
    price = keras.layers.Dense(1, name="price")(both)
    return keras.Model([left, right], [kind, price])


def forward(model: keras.Model, x: np.ndarray) -> np.ndarray:
    return np.asarray(model(x, training=False), np.float64)
