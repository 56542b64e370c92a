"""Each term takes the masks of the tensors it is bound to, compared with plain Keras."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import tfloss
from tfloss.errors import UsageError

layers = keras.layers
R = np.random.default_rng(0)
WORDS = np.where(np.arange(6) < R.integers(2, 6, (16, 1)), R.integers(1, 5, (16, 6)), 0)
INTENT, SLOTS = R.integers(0, 2, 16), R.integers(0, 3, (16, 6))
MASK = WORDS > 0


def encoder():
    keras.utils.set_random_seed(0)
    source = keras.Input((6,), dtype="int32")
    embedded = layers.Embedding(5, 4, mask_zero=True, name="embedded")(source)
    return source, embedded


def evaluated(model, formula, y, **options):
    ours = tfloss.attach(model, formula, **options)
    ours.compile("sgd")
    return ours.evaluate(WORDS, y, verbose=0, batch_size=16, return_dict=True)


def test_intent_and_slots():
    source, embedded = encoder()
    code = layers.LSTM(4, name="code")(embedded)
    slots = layers.Dense(3, "softmax", name="slots")(
        layers.LSTM(4, return_sequences=True)(embedded)
    )
    model = keras.Model(source, [layers.Dense(1, "sigmoid", name="intent")(code), slots])
    formula = "bce(intent.labels, intent.logits) + ce(slots.labels, slots.logits)"
    formula += " + 0.1*mse(code, 0*code)"
    logs = evaluated(model, formula, [INTENT, SLOTS])
    inner = np.asarray(keras.Model(source, code)(WORDS))
    model.compile("sgd", ["binary_crossentropy", "sparse_categorical_crossentropy"])
    plain = model.evaluate(WORDS, [INTENT, SLOTS], verbose=0, batch_size=16)
    assert logs["loss"] == pytest.approx(plain[0] + 0.1 * np.mean(inner**2), rel=1e-5)


def test_a_sequence_autoencoder_with_a_code():
    source, embedded = encoder()
    sequence = layers.LSTM(4, return_sequences=True, name="sequence")(embedded)
    code = layers.GlobalAveragePooling1D(name="code")(sequence)
    model = keras.Model(source, [layers.Dense(2, name="out")(sequence), code])
    y = R.normal(size=(16, 6, 2)).astype(np.float32)
    formula = "mse(out.labels, out) + mse(code, 0*code) + mae(sequence, 0*sequence)"
    logs = evaluated(model, formula, y, task="regression")
    inner, states = (np.asarray(t) for t in keras.Model(source, [code, sequence])(WORDS))
    error = np.square(np.asarray(model(WORDS)[0]) - y)[MASK].mean()
    expected = error + np.mean(inner**2) + np.abs(states)[MASK].mean()
    assert logs["loss"] == pytest.approx(expected, rel=1e-5)
    with pytest.raises(UsageError, match="has shape"):
        evaluated(model, "mse(out.labels, out)", y[:, 0], task="regression")


def test_a_mask_and_missing_steps_together():
    source, embedded = encoder()
    model = keras.Model(source, layers.Dense(3, "softmax", name="out")(embedded))
    gaps = SLOTS.astype(np.float32)
    gaps[::3, 0] = np.nan
    there = MASK & ~np.isnan(gaps)
    probs = np.asarray(model(WORDS), np.float64)
    expected = -np.mean(np.log(np.take_along_axis(probs, SLOTS[..., None], 2)[..., 0][there]))
    assert evaluated(model, "ce", gaps)["loss"] == pytest.approx(expected, rel=1e-5)
    model.compile("sgd", tfloss.Loss("ce"))
    assert model.evaluate(WORDS, gaps, verbose=0) == pytest.approx(expected, rel=1e-5)
