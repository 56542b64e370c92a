"""`class_weight` weights the class of every label, one for each time step among them."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfloss
from tests.keras_integration.models import data, functional, two_ended
from tfloss.errors import UsageError
from tfloss.keras_integration.class_weights import weights_of

RNG = np.random.default_rng(0)
STEPS = RNG.normal(size=(12, 4, 3)).astype(np.float32)
CLASSES = RNG.integers(0, 3, (12, 4))
WEIGHTS = {0: 0.5, 2: 3.0}
BY_HAND = np.where(CLASSES == 0, 0.5, np.where(CLASSES == 2, 3.0, 1.0)).astype(np.float32)
X, Y = data()


class OfSteps(keras.Model):
    def __init__(self):
        super().__init__()
        self.out = keras.layers.Dense(3)

    def call(self, inputs):
        return self.out(inputs)


def by_step():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((4, 3)), keras.layers.Dense(3)])


def compiled(model):
    model = tfloss.attach(model, "ce")
    model.compile("sgd", run_eagerly=True)
    return model


def by_keras(model):
    """Keras with the weights by hand, which it does right."""
    model.compile(
        "sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True
    )
    return model.fit(STEPS, CLASSES, sample_weight=BY_HAND, epochs=2, shuffle=False, verbose=0)


@pytest.mark.parametrize("labels", [CLASSES, CLASSES[..., None], np.eye(3)[CLASSES]])
def test_a_class_for_each_step(labels):
    expected = by_keras(by_step()).history["loss"]
    fitted = compiled(by_step()).fit(
        STEPS, labels, class_weight=WEIGHTS, epochs=2, shuffle=False, verbose=0
    )
    np.testing.assert_allclose(fitted.history["loss"], expected, rtol=1e-5)


def test_through_the_engine_and_from_a_dataset():
    expected = by_keras(by_step()).history["loss"]
    options = {"class_weight": WEIGHTS, "epochs": 2, "shuffle": False}
    found = tfloss.fit_model(compiled(by_step()), (STEPS, CLASSES), compile="eager", **options)
    np.testing.assert_allclose(found.history["loss"], expected, rtol=1e-5)
    batches = tf.data.Dataset.from_tensor_slices((STEPS, CLASSES)).batch(32)
    found = compiled(by_step()).fit(batches, class_weight=WEIGHTS, epochs=2, verbose=0)
    np.testing.assert_allclose(found.history["loss"], expected, rtol=1e-5)


def test_a_subclassed_model_is_shown_a_row():
    model = OfSteps()
    model(STEPS[:1])
    model.set_weights(by_step().get_weights())
    found = compiled(model).fit(
        STEPS, CLASSES, class_weight=WEIGHTS, epochs=2, shuffle=False, verbose=0
    )
    np.testing.assert_allclose(found.history["loss"], by_keras(by_step()).history["loss"], 1e-5)


def test_weights_of_labels():
    np.testing.assert_array_equal(weights_of(np.array([0, 1]), {1: 2}, (None, 1)), [1, 2])
    np.testing.assert_array_equal(weights_of(np.array([[0], [1]]), {1: 2}, (None, 1)), [1, 2])
    np.testing.assert_array_equal(
        weights_of(np.array([np.nan, -1, 1]), {1: 2}, (None, 2)), [1, 1, 2]
    )


@pytest.mark.parametrize(
    ("make", "x", "y", "more", "words"),
    [
        (lambda: functional("sigmoid", 3), X, np.ones((24, 3)), {}, "of several classes"),
        (by_step, iter([(STEPS, CLASSES)]), None, {}, "bring sample_weight instead"),
        (functional, X, Y, {"sample_weight": np.ones(24)}, "not both"),
        (two_ended, {"left": X, "right": X[:, :2]}, [Y, X[:, 0]], {}, "belong to one output"),
    ],
)
def test_what_is_refused(make, x, y, more, words):
    formula = "bce(kind.labels, kind.logits)" if make is two_ended else "bce"
    model = tfloss.attach(make(), "ce" if make is by_step else formula)
    model.compile("sgd", run_eagerly=True)
    with pytest.raises(UsageError, match=words):
        model.fit(x, y, class_weight={1: 2.0}, verbose=0, **more)
