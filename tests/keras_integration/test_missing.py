"""Labels of which some elements are missing: by column, step and pixel, at every door."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfloss
from tests.keras_integration.models import ROWS, data, functional

X, _ = data()
layers = keras.layers
R = np.random.default_rng(3)
TARGETS = R.normal(size=(ROWS, 3)).astype(np.float32)
THERE = R.random((ROWS, 3)) > 0.4
WITH_GAPS = np.where(THERE, TARGETS, np.nan).astype(np.float32)
WEIGHTS = np.arange(ROWS, dtype=np.float32)


def attached(model, formula, **options):
    found = tfloss.attach(model, formula, **options)
    found.compile(keras.optimizers.SGD(0.1))
    return found


def whole(model, x, y, **options):
    """The loss on all rows at once."""
    return model.evaluate(x, y, batch_size=len(x), verbose=0, return_dict=True, **options)["loss"]


@pytest.mark.parametrize("weighted", [False, True])
def test_one_missing_column_drops_that_element_only(weighted):
    model = functional(None, 3)
    square = np.square(np.asarray(model(X)) - TARGETS)
    weight = WEIGHTS[:, None] if weighted else 1.0
    expected = np.sum((weight * square)[THERE]) / THERE.sum()
    options = {"sample_weight": WEIGHTS} if weighted else {}
    ours = attached(model, "mse", task="regression")
    assert whole(ours, X, WITH_GAPS, **options) == pytest.approx(expected, rel=1e-5)
    model.compile("sgd", tfloss.Loss("mse"))
    assert whole(model, X, WITH_GAPS, **options) == pytest.approx(expected, rel=1e-5)


def test_the_gradient_is_that_of_the_elements_which_are_there():
    model = functional(None, 3)
    with tf.GradientTape() as tape:
        square = tf.square(model(X) - TARGETS)
        loss = tf.reduce_mean(tf.boolean_mask(square, THERE))
    expected = [w - 0.1 * g for w, g in zip(
        model.get_weights(), map(np.asarray, tape.gradient(loss, model.trainable_variables)),
        strict=True,
    )]  # fmt: skip
    begin = model.get_weights()
    attached(model, "mse", task="regression").fit(X, WITH_GAPS, batch_size=ROWS, verbose=0)
    for ours, theirs in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    model.set_weights(begin)
    tfloss.fit_model(
        attached(model, "mse", task="regression"), (X, WITH_GAPS), batch_size=ROWS, compile="graph"
    )
    for ours, theirs in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def segmentation(units=3, activation="softmax"):
    keras.utils.set_random_seed(0)
    source = keras.Input((2, 3))
    return keras.Model(source, layers.Dense(units, activation, name="out")(source))


PIXELS = R.normal(size=(ROWS, 2, 3)).astype(np.float32)
KINDS = R.integers(0, 3, (ROWS, 2))
VOID = R.random((ROWS, 2)) > 0.7


@pytest.mark.parametrize("number", [255, -1])
def test_a_void_pixel_drops_that_pixel_as_ignore_class_of_keras(number):
    model = segmentation()
    kinds = np.where(VOID, number, KINDS)
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=number)
    expected = pytest.approx(float(loss(kinds, model(PIXELS))), rel=1e-5)
    ours = attached(model, "ce", ignore_class=number)
    assert whole(ours, PIXELS, kinds) == expected
    assert whole(attached(model, "ce"), PIXELS, np.where(VOID, np.nan, KINDS)) == expected
    again = keras.losses.deserialize(keras.losses.serialize(tfloss.Loss("ce", ignore_class=number)))
    assert float(again(kinds, model(PIXELS))) == expected


def test_void_pixels_of_two_classes():
    model = segmentation(1, "sigmoid")
    kinds = np.where(VOID, 255, KINDS > 0)[..., None]
    probs = np.asarray(model(PIXELS), np.float64)[~VOID]
    truth = kinds[~VOID]
    expected = -np.mean(np.log(np.where(truth > 0, probs, 1 - probs)))
    ours = attached(model, "bce", ignore_class=255)
    assert whole(ours, PIXELS, kinds.astype(np.uint8)) == pytest.approx(expected, rel=1e-5)


def test_a_loss_that_compares_columns_leaves_out_the_row():
    model = functional(None, 3)
    shares = np.abs(WITH_GAPS)
    full = ~np.isnan(shares).any(axis=1)
    ours = attached(model, "ce")
    expected = whole(ours, X[full], shares[full])
    assert whole(ours, X, shares) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("reduction", ["sum", "mean_with_sample_weight", "none"])
def test_every_reduction_of_a_loss_for_compile(reduction):
    square = np.square(TARGETS * 0.5 - TARGETS)
    share = THERE.mean(axis=1)
    rows = np.where(THERE, square, 0).sum(axis=1) / np.maximum(THERE.sum(axis=1), 1)
    expected = {
        "none": WEIGHTS * share * rows,
        "sum": np.sum(WEIGHTS * share * rows),
        "mean_with_sample_weight": np.sum(WEIGHTS * share * rows) / np.sum(WEIGHTS * share),
    }[reduction]
    loss = tfloss.Loss("mse", reduction=reduction)
    found = loss(WITH_GAPS, tf.constant(TARGETS * 0.5), WEIGHTS)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_terms_of_several_losses_and_a_column():
    model = functional(None, 3)
    prediction = np.asarray(model(X))
    formula = "mse + 0.5*abs(mae) + huber/2 + mse(soft, prediction)"
    ours = attached(model, formula, columns=["soft"], task="regression")
    error = np.abs(prediction - TARGETS)[THERE]
    huber = np.where(error < 1, error**2 / 2, error - 0.5)
    expected = np.mean(error**2) + 0.5 * np.mean(error) + np.mean(huber) / 2
    other = np.square(prediction - TARGETS)[~THERE]
    soft = np.where(THERE, np.nan, TARGETS)
    found = whole(ours, {"inputs": X, "soft": soft}, WITH_GAPS)
    assert found == pytest.approx(expected + np.mean(other), rel=1e-5)


def test_evaluation_in_batches_averages_by_what_is_there():
    model = functional(None, 3)
    few = WITH_GAPS.copy()
    few[:20] = np.nan
    ours = attached(model, "mse + 1e-2*mae(prediction, 0*prediction)", task="regression")
    at_once = ours.evaluate(X, few, batch_size=ROWS, verbose=0, return_dict=True)
    in_parts = ours.evaluate(X, few, batch_size=10, verbose=0, return_dict=True)
    for name, value in at_once.items():
        assert in_parts[name] == pytest.approx(value, rel=1e-5), name


def test_a_step_that_counts_nothing_warns():
    model = functional(None, 3)
    ours = attached(model, "mse", task="regression")
    few = WITH_GAPS.copy()
    few[8:16] = np.nan
    with pytest.warns(UserWarning, match="the term 'mse' counted nothing in 1 of 3 steps"):
        ours.fit(X, few, batch_size=8, shuffle=False, verbose=0)
    with pytest.warns(UserWarning, match="No label is there"):
        ours.evaluate(X, np.full_like(few, np.nan), verbose=0)
