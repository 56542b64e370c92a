"""Labels as they come: class numbers, fractions, texts; steps with masks and weights."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf

import tfloss
from tests.keras_integration.models import ROWS, Subclassed, data, functional, two_ended
from tfloss.errors import UsageError
from tfloss.formula import FormulaError

X, Y = data()
NUMBERS = np.arange(ROWS) % 3
layers = keras.layers


def compiled(model, formula, **options):
    attached = tfloss.attach(model, formula, **options)
    attached.compile("sgd")
    return attached


def loss(model, x, y, **options):
    return model.evaluate(x, y, batch_size=8, verbose=0, return_dict=True, **options)["loss"]


def keras_loss(model, name, x, y, **options):
    model.compile("sgd", name)
    return pytest.approx(loss(model, x, y, **options), rel=1e-5)


@pytest.mark.parametrize("y", [NUMBERS, NUMBERS[:, None], NUMBERS.astype(np.float32)])
def test_class_numbers_of_any_kind(y):
    model = functional("softmax", 3)
    ours = loss(compiled(model, "ce"), X, y)
    assert ours == keras_loss(model, "sparse_categorical_crossentropy", X, y)


def test_a_class_number_can_be_missing():
    some = NUMBERS.astype(np.float32)
    some[3:] = np.nan
    model = compiled(functional("softmax", 3), "ce")
    whole = model.evaluate(X, some, batch_size=ROWS, verbose=0)[0]
    assert whole == pytest.approx(loss(model, X[:3], NUMBERS[:3]), rel=1e-5)


@pytest.mark.parametrize(
    ("units", "y", "words"),
    [
        (3, np.full(ROWS, 7), "go from 7 to 7, but the output has 3 columns.* 0 … 2"),
        (3, np.full(ROWS, 0.3), "must be class numbers 0 … 2"),
        (1, NUMBERS, "go from 0 to 2, but the output has 1 column, for two classes"),
        (3, np.array(list("abc") * 8), "labels are texts; encode them"),
        (3, {"labels": np.array(list("abc") * 8)}, "labels are texts"),
    ],
)
def test_labels_that_fit_no_output(units, y, words):
    model = compiled(functional(None, units), "bce" if units == 1 else "ce")
    with pytest.raises(UsageError, match=words):
        model.fit(X, y, verbose=0)
    with pytest.raises(UsageError, match=words):
        model.fit(X, NUMBERS % 2, validation_data=(X, y), verbose=0)


def test_quantities_on_one_column():
    model = functional(None)
    ours = loss(compiled(model, "mse(labels, logits)", task="regression"), X, NUMBERS)
    assert ours == keras_loss(model, "mse", X, NUMBERS.astype(np.float32))


SOURCE = keras.Input((3,))
SQUASHED = layers.Dense(1, "sigmoid")(SOURCE)
HIDDEN = {
    "reshaped": layers.Reshape((1, 1))(SQUASHED),
    "joined": layers.Concatenate()([SQUASHED, SQUASHED]),
    "clipped": layers.Lambda(lambda p: tf.clip_by_value(p, 0.1, 0.9))(SQUASHED),
}


@pytest.mark.parametrize("kind", HIDDEN)
def test_probabilities_in_disguise_are_not_taken_for_logits(kind):
    model = keras.Model(SOURCE, HIDDEN[kind])
    y = np.zeros((ROWS, *model.output_shape[1:]), np.float32)
    with pytest.raises(UsageError, match=r"was made a probability .* put the activation last"):
        compiled(model, "bce").fit(X, y, verbose=0)
    model.compile("sgd", tfloss.Loss("bce"))
    with pytest.raises(UsageError, match="was made a probability"):
        model.fit(X, y, verbose=0)
    compiled(model, "mse").fit(X, y, verbose=0)  # needs no logits


STEPS = np.random.default_rng(1).integers(0, 5, (ROWS, 6))
STEP_LABELS = (STEPS % 3).astype(np.int64)


def per_step(units, activation, *, mask=False):
    keras.utils.set_random_seed(0)
    source = keras.Input((6,), dtype="int32")
    embedded = layers.Embedding(5, 4, mask_zero=mask, name="embedded")(source)
    return keras.Model(source, layers.Dense(units, activation, name="out")(embedded))


def test_a_class_for_each_step():
    model = per_step(3, "softmax")
    ours = loss(compiled(model, "ce"), STEPS, STEP_LABELS)
    assert ours == keras_loss(model, "sparse_categorical_crossentropy", STEPS, STEP_LABELS)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("units", [1, 3])
def test_masked_steps_and_weights_of_examples_as_in_keras(units, weighted):
    model = per_step(units, "sigmoid" if units == 1 else "softmax", mask=True)
    y = STEP_LABELS if units == 3 else (STEP_LABELS[..., None] > 0).astype(np.float32)
    options = {"sample_weight": np.arange(ROWS, dtype=np.float32)} if weighted else {}
    ours = compiled(model, "bce" if units == 1 else "ce")
    name = "binary_crossentropy" if units == 1 else "sparse_categorical_crossentropy"
    found = loss(ours, STEPS, y, **options)
    if weighted:  # beside a mask of steps, Keras takes weights only where there is one per step
        options["sample_weight"] = np.repeat(options["sample_weight"][:, None], 6, axis=1)
    assert found == keras_loss(model, name, STEPS, y, **options)


def test_a_weight_for_each_step():
    model = per_step(3, "softmax")
    weight = np.random.default_rng(2).random(STEPS.shape).astype(np.float32)
    ours = loss(compiled(model, "ce"), STEPS, STEP_LABELS, sample_weight=weight)
    name = "sparse_categorical_crossentropy"
    assert ours == keras_loss(model, name, STEPS, STEP_LABELS, sample_weight=weight)


def test_what_has_no_steps_beside_a_mask_of_steps():
    plain = per_step(3, "softmax", mask=True)
    model = compiled(plain, "ce + mse(pooled, 0*pooled)", columns=["pooled"])
    found = loss(model, {"inputs": STEPS, "pooled": X[:, :1]}, STEP_LABELS)
    plain.compile("sgd", "sparse_categorical_crossentropy")
    assert found == pytest.approx(loss(plain, STEPS, STEP_LABELS) + np.mean(X[:, 0] ** 2), rel=1e-5)


def test_columns_of_whole_numbers_and_of_texts():
    model = compiled(functional(), "mse(ages, hidden)", columns="ages")
    ages = np.ones((ROWS, 4), np.int64)
    assert loss(model, {"inputs": X, "ages": ages}, Y) > 0
    with pytest.raises(UsageError, match="The column 'ages' holds texts"):
        model.fit({"inputs": X, "ages": ages.astype(str)}, Y, verbose=0)


def test_a_subclassed_model_says_how_inner_tensors_are_named():
    with pytest.raises(FormulaError, match=r"no tensor 'zzz'.*tfloss\.tap\('z', z\)"):
        compiled(Subclassed(), "bce + mse(zzz, zzz)").fit(X, Y, verbose=0)


def test_a_missing_input_is_one_sentence():
    x = {"left": X, "rigth": X[:, :2]}
    with pytest.raises(UsageError) as found:
        compiled(two_ended(), "mse(price.labels, price)").fit(x, [Y, Y], verbose=0)
    assert str(found.value).startswith("The model's input 'right' is not in the dictionary")
    assert "\n" not in str(found.value)


def test_class_weights_and_a_task_that_cannot_be():
    model = compiled(two_ended(), "mse(price.labels, price)")
    with pytest.raises(UsageError, match="Class weights belong to one output"):
        model.fit([X, X[:, :2]], [Y, Y], class_weight={0: 1.0}, verbose=0)
    with pytest.raises(UsageError, match="task='clasification' is neither"):
        tfloss.attach(functional(), "bce", task="clasification")


def test_several_quantiles_of_one_column_of_labels():
    """The output has a column for each level, the labels have one: scikit-learn's pinball loss."""
    levels, rows = (0.1, 0.5, 0.9), np.random.default_rng(0).normal(size=(12, 4))
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    attached = tfloss.attach(model, f"quantile(levels={list(levels)})")
    attached.compile("sgd")
    labels = rows[:, :1] * 2
    answers = attached.predict(rows, verbose=0)
    wanted = [
        sklearn.metrics.mean_pinball_loss(labels[:, 0], answers[:, at], alpha=level)
        for at, level in enumerate(levels)
    ]
    found = attached.evaluate(rows, labels, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(np.mean(wanted), rel=1e-5)
