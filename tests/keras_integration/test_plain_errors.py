"""Bad use is answered by one sentence and the user's own line, not by Keras' and TensorFlow's."""

from __future__ import annotations

import traceback

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfloss
from tests.keras_integration.models import data, functional

X, Y = data()


def compiled(formula, units=1, **options):
    attached = tfloss.attach(functional(None, units), formula, **options)
    attached.compile("sgd")
    return attached


WRONG = {
    "a column that fit was not given": (
        lambda: compiled("mse(slope, inputs)", columns=["slope"]), X, Y, "needs the tensor 'slope'",
    ),
    "labels of another width": (
        lambda: compiled("mse", 3), X, np.zeros((24, 2)),
        r"In 'mse': 'labels' has shape \(batch, 2\) but 'prediction' has shape \(batch, 3\)",
    ),
    "labels without columns": (lambda: compiled("mse", 3), X, X[:, 0], r"'labels' has shape"),
    "rows of another length": (
        lambda: compiled("bce"), X, Y[:5], "different numbers of rows: x 24, y 5",
    ),
    "inputs of another width": (
        lambda: compiled("bce"), X[:, :2], Y, r"takes rows of shape \(3,\), but x has .* \(2,\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fast", [False, True], ids=["fit", "tfloss.fit"])
@pytest.mark.parametrize("kind", WRONG)
def test_one_sentence(kind, fast):
    make, x, y, words = WRONG[kind]
    model = make()
    with pytest.raises(tfloss.TflossError, match=words) as found:
        tfloss.fit_model(model, (x, y)) if fast else model.fit(x, y, verbose=0)
    assert "\n" not in str(found.value)
    assert found.value.__cause__ is None
    frames = [frame.filename for frame in traceback.extract_tb(found.value.__traceback__)]
    assert not any("/keras/src/" in name or "/tensorflow/" in name for name in frames), frames
    assert len(frames) <= 4


def test_tensors_of_other_shapes_are_refused_by_attach_itself():
    words = r"In 'mse\(labels=hidden, prediction=inputs\)': 'labels' has shape \(batch, 4\)"
    with pytest.raises(tfloss.FormulaError, match=words):
        compiled("mse(hidden, inputs)")


def test_a_class_number_in_a_dataset():
    rows = tf.data.Dataset.from_tensor_slices((X, Y + 9)).batch(8)
    with pytest.raises(tfloss.DataError, match=r"^A label is no class .* 3 columns: 0 … 2\.$"):
        compiled("ce", 3).fit(rows, verbose=0)


def test_a_fault_inside_of_a_loss_is_shown():
    @tfloss.loss
    def faulty(labels, probs):
        return tf.reduce_sum(labels * probs + tf.ones((1, 5)), axis=-1)

    with pytest.raises(tfloss.UsageError, match="In 'faulty': Dimensions must be equal") as found:
        tfloss.fit_model(compiled("faulty", 3, losses=[faulty]), (X, np.eye(3)[Y]))
    assert isinstance(found.value.__cause__, ValueError)


def test_everything_is_shown_when_keras_is_told_so():
    keras.config.disable_traceback_filtering()
    try:
        with pytest.raises(tfloss.TflossError) as found:
            compiled("mse", 3).fit(X, X[:, 0], verbose=0)
    finally:
        keras.config.enable_traceback_filtering()
    frames = traceback.extract_tb(found.value.__traceback__)
    assert any("/keras/src/" in frame.filename for frame in frames)


@pytest.mark.parametrize(
    ("arrays", "options", "words"),
    [
        ((X[:0], Y[:0]), {}, "There are no rows"),
        ((X[:2], Y[:2]), {"validation_split": 0.9}, "There are no rows"),
        ((X, Y), {"epoch": 3}, "no option 'epoch'. Did you mean 'epochs'"),
    ],
)
def test_what_the_fast_loop_refuses(arrays, options, words):
    with pytest.raises(tfloss.TflossError, match=words):
        tfloss.fit_model(compiled("bce"), arrays, **options)
