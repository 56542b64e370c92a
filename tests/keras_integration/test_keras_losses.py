"""Keras' own losses and ours through `tfloss.Loss`: the same figures from the same arrays.

The cases are those that a loss of Keras has to get right: probabilities and logits, every
reduction, weights of every shape that Keras takes, masks. Keras computes the expected value.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfloss

R = np.random.default_rng(0)
ROWS, WIDTH = 6, 4
QUANTITIES = R.normal(size=(ROWS, WIDTH)).astype(np.float32)
GUESSES = R.normal(size=(ROWS, WIDTH)).astype(np.float32)
POSITIVE = np.abs(QUANTITIES) + 0.1
POSITIVE_GUESSES = np.abs(GUESSES) + 0.2
SIGNS = np.sign(QUANTITIES)
BITS = (QUANTITIES > 0).astype(np.float32)
CLASSES = np.eye(WIDTH, dtype=np.float32)[R.integers(WIDTH, size=ROWS)]
SOFT = np.exp(QUANTITIES) / np.exp(QUANTITIES).sum(-1, keepdims=True)
REDUCTIONS = ("sum_over_batch_size", "sum", "mean_with_sample_weight", "none", "mean", None)
losses = keras.losses


class Case(NamedTuple):
    """A loss of Keras and ours; `activation` makes Keras' predictions from the same logits."""

    name: str
    keras: Callable[..., losses.Loss]
    formula: str
    labels: np.ndarray
    predictions: np.ndarray = GUESSES
    activation: str | None = None


def of(name, formula, labels, predictions=GUESSES, activation=None, **settings):
    """The loss of Keras with these settings, and the reduction that a test asks for."""
    make = partial(getattr(losses, name), **settings)
    said = ", ".join(map(str, settings.values()))
    return Case(f"{name}({said})", make, formula, labels, predictions, activation)


def both(name, formula, labels, activation, **settings):
    """Of logits, and of the probabilities that an activation makes of them."""
    of_logits = of(name, formula, labels, from_logits=True, **settings)
    return [of_logits, of(name, formula, labels, activation=activation, **settings)]


class CosineDistance(losses.CosineSimilarity):
    """Keras' is the negative cosine; ours is the distance, which is zero at the optimum."""

    def call(self, y_true, y_pred):
        return 1 + super().call(y_true, y_pred)


CASES = [
    of("MeanSquaredError", "mse", QUANTITIES),
    of("MeanAbsoluteError", "mae", QUANTITIES),
    of("MeanAbsolutePercentageError", "100*mape", POSITIVE),
    of("MeanSquaredLogarithmicError", "msle", POSITIVE, POSITIVE_GUESSES),
    of("LogCosh", "log_cosh", QUANTITIES),
    of("Huber", "huber", QUANTITIES),
    of("Huber", "huber(delta=0.4)", QUANTITIES, delta=0.4),
    of("Poisson", "poisson(labels, log(prediction))", POSITIVE, POSITIVE_GUESSES),
    of("Hinge", "hinge", BITS),
    of("SquaredHinge", "squared_hinge", BITS),
    of("CategoricalHinge", "categorical_hinge", CLASSES),
    Case("CosineSimilarity", CosineDistance, "cosine_distance", QUANTITIES),
    of("KLDivergence", "forward_kl(labels)", SOFT, activation="softmax"),
    *both("BinaryCrossentropy", "bce", BITS, "sigmoid"),
    *both("BinaryCrossentropy", "bce(label_smoothing=0.2)", BITS, "sigmoid", label_smoothing=0.2),
    *both("CategoricalCrossentropy", "ce", CLASSES, "softmax"),
    *both("CategoricalCrossentropy", "ce(label_smoothing=0.1)", SOFT, "softmax",
          label_smoothing=0.1),
    *both("SparseCategoricalCrossentropy", "ce", CLASSES.argmax(-1), "softmax"),
    of("BinaryFocalCrossentropy", "focal", BITS[:, :1], GUESSES[:, :1], from_logits=True),
    of("BinaryFocalCrossentropy", "focal(gamma=3, alpha=0.2)", BITS[:, :1], GUESSES[:, :1],
       from_logits=True, gamma=3, alpha=0.2, apply_class_balancing=True),
    of("CategoricalFocalCrossentropy", "0.25*focal", CLASSES, from_logits=True),
    of("CategoricalGeneralizedCrossEntropy", "gce(q=0.6)", CLASSES.argmax(-1),
       activation="softmax", q=0.6),
]  # fmt: skip


def predicted(case):
    """What a model that ends in the case's activation returns, with Keras' note of the logits."""
    return keras.activations.get(case.activation)(tf.constant(case.predictions))


def ours(case, **options):
    return tfloss.Loss(case.formula, allow_negative=True, **options)


def alike(found, expected):
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=2e-5, atol=1e-6)


def name_of(case):
    return f"{case.name} {case.activation or ''}".strip()


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_every_reduction(case, reduction):
    expected = case.keras(reduction=reduction)(case.labels, predicted(case))
    alike(ours(case, reduction=reduction)(case.labels, predicted(case)), expected)


WEIGHTS = {
    "a number": 2.5,
    "of examples": np.arange(ROWS, dtype=np.float32),
    "of examples, as a column": np.arange(ROWS, dtype=np.float32)[:, None],
    "all zero": np.zeros(ROWS, np.float32),
}


@pytest.mark.parametrize("reduction", REDUCTIONS[:3])
@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_sample_weights(case, weight, reduction):
    weight = WEIGHTS[weight]
    expected = case.keras(reduction=reduction)(case.labels, predicted(case), weight)
    alike(ours(case, reduction=reduction)(case.labels, predicted(case), weight), expected)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_masks(case, weighted):
    mask = tf.constant([True, False, True, True, False, True])
    weight = np.arange(ROWS, dtype=np.float32) if weighted else None

    def value(loss):
        predictions = predicted(case)
        predictions._keras_mask = mask  # where Keras keeps it
        return loss(case.labels, predictions, weight)

    alike(value(ours(case)), value(case.keras()))


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_gradients(case):
    def slope(loss):
        logits = tf.Variable(case.predictions)
        with tf.GradientTape() as tape:
            value = loss(case.labels, keras.activations.get(case.activation)(logits))
        return tape.gradient(value, logits)

    alike(slope(ours(case)), slope(case.keras()))


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_no_error_is_the_least(case):
    """As in Keras, perfect predictions are worth what they are worth there."""
    if case.activation is None and case.labels.shape == case.predictions.shape:
        alike(ours(case)(case.labels, case.labels), case.keras()(case.labels, case.labels))


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_one_comes_back_from_its_configuration(case):
    loss = ours(case, reduction="sum", name="mine")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert (again.name, again.reduction, again.formula) == ("mine", "sum", loss.formula)
    alike(again(case.labels, predicted(case)), loss(case.labels, predicted(case)))


STEP_LABELS = R.integers(WIDTH, size=(ROWS, 3))
STEP_GUESSES = R.normal(size=(ROWS, 3, WIDTH)).astype(np.float32)
STEP_WEIGHTS = np.arange(ROWS * 3, dtype=np.float32).reshape(ROWS, 3)


@pytest.mark.parametrize("reduction", REDUCTIONS[:3])
@pytest.mark.parametrize("activation", [None, "softmax"])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("weight", [None, STEP_WEIGHTS])
def test_a_row_for_each_step(weight, masked, activation, reduction):
    if reduction == "sum" and weight is None and not masked:
        return  # without steps to tell apart, ours has one value per example: their mean

    def value(loss):
        predictions = keras.activations.get(activation)(tf.constant(STEP_GUESSES))
        if masked:
            predictions._keras_mask = tf.constant(STEP_WEIGHTS % 4 > 0)
        return loss(STEP_LABELS, predictions, weight)

    make = losses.SparseCategoricalCrossentropy
    expected = value(make(from_logits=activation is None, reduction=reduction))
    alike(value(tfloss.Loss("ce", reduction=reduction)), expected)


@pytest.mark.parametrize(
    ("keras_loss", "formula"),
    [
        (losses.Dice(), "dice(smooth=1e-7)"),
        (losses.Tversky(), "tversky(alpha=0.5, beta=0.5, smooth=1e-7)"),
    ],
)
def test_losses_about_the_whole_batch(keras_loss, formula):
    """On one column; on several, Keras counts all columns in one sum, ours each by itself."""
    labels, logits = BITS[:, :1], tf.constant(GUESSES[:, :1])
    found = tfloss.Loss(formula, from_logits=True)(labels, logits)
    alike(found, keras_loss(labels, tf.sigmoid(logits)))


def test_settings_come_back_with_a_loss():
    """Keras' own Huber comes back with the default delta."""
    loss, theirs = tfloss.Loss("huber(delta=0.4)"), losses.Huber(delta=0.4)
    expected = theirs(QUANTITIES, GUESSES)
    alike(losses.deserialize(losses.serialize(loss))(QUANTITIES, GUESSES), expected)
    again = losses.deserialize(losses.serialize(theirs))(QUANTITIES, GUESSES)
    alike(again, losses.Huber(delta=1.0)(QUANTITIES, GUESSES))


def test_a_schedule_is_refused_since_keras_tells_a_loss_no_step():
    with pytest.raises(tfloss.UsageError, match=r"no step.*linear\(0, 1, epochs=2\).*attach"):
        tfloss.Loss("mse + linear(0, 1, epochs=2)*mae")
