"""Programs for labels that are all there give the same numbers, and never meet other labels."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfloss
from tests.keras_integration.models import ROWS, data, functional
from tfloss.keras_integration.completeness import nothing_missing

X, _ = data()
R = np.random.default_rng(3)
TARGETS = R.normal(size=(ROWS, 3)).astype(np.float32)
GAPS = np.where(R.random((ROWS, 3)) > 0.4, TARGETS, np.nan).astype(np.float32)


def attached():
    model = tfloss.attach(functional(None, 3), "mse + 0.1*mae", task="regression")
    model.compile(keras.optimizers.SGD(0.1))
    return model


def batches(y):
    """The same rows as a dataset, which nobody looks through."""
    return tf.data.Dataset.from_tensor_slices((X, y)).batch(8)


def trained(model, *given, **options):
    return model.fit(*given, shuffle=False, batch_size=8, verbose=0, **options)


def alike(one, other):
    for ours, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_the_numbers_are_the_same_whether_a_program_asks_or_not():
    model, twin = attached(), attached()
    own = trained(model, X, TARGETS, validation_data=(X, TARGETS), epochs=2).history
    other = twin.fit(batches(TARGETS), validation_data=batches(TARGETS), epochs=2, verbose=0)
    for name, values in other.history.items():
        np.testing.assert_allclose(own[name], values, rtol=1e-5)
    alike(model, twin)


@pytest.mark.parametrize("first", [TARGETS, GAPS], ids=["there at first", "missing at first"])
def test_labels_may_be_missing_in_one_training_and_not_in_the_next(first):
    model, twin = attached(), attached()
    for y in (first, TARGETS, GAPS, TARGETS):
        trained(model, X, y)
        twin.fit(batches(y), verbose=0)
        assert model.evaluate(X, y, verbose=0) == pytest.approx(
            twin.evaluate(batches(y), verbose=0)
        )
    alike(model, twin)


@pytest.mark.parametrize(("y", "held_out"), [(TARGETS, GAPS), (GAPS, TARGETS)])
def test_they_may_be_missing_where_it_is_evaluated_only(y, held_out):
    model, twin = attached(), attached()
    own = trained(model, X, y, validation_data=(X, held_out), epochs=2).history
    other = twin.fit(batches(y), validation_data=batches(held_out), epochs=2, verbose=0).history
    for name, values in other.items():
        np.testing.assert_allclose(own[name], values, rtol=1e-5, err_msg=name)


def test_a_callback_may_train_on_a_batch_in_which_some_are_missing():
    def between(model):
        return keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: model.train_on_batch(X, GAPS)
        )

    model, twin = attached(), attached()
    trained(model, X, TARGETS, epochs=2, callbacks=[between(model)])
    twin.fit(batches(TARGETS), epochs=2, callbacks=[between(twin)], verbose=0)
    alike(model, twin)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((None, {}), True),
        ((np.arange(3), {"w": np.ones(3)}), True),
        ((np.array([1.0, np.nan]),), False),
        (([np.ones(2), np.array([[np.nan]])],), False),
        ((np.array([np.inf, -np.inf]),), True),  # a fault, and not missing
        ((np.array(["a"]),), False),
        ((tf.data.Dataset.range(2),), False),
    ],
)
def test_what_is_all_there(given, expected):
    assert nothing_missing(*given) is expected
