"""The table of docs/doors.md, a family of cells at a time: a yes works, a no is a sentence.

What is slow has tests of its own: the same weights (test_same_weights), resuming to the same bytes
(training/checkpoints, keras_integration/test_checkpoint_callback), comparisons (comparison/).
"""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

import tfloss
from tfloss.sklearn import DistilledClassifier

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)
DATA = tfloss.load_data((X, Y), train_size=60, scale="none")
ROWS = tf.data.Dataset.from_tensor_slices({"inputs": X, "labels": Y[:, None].astype("f4")})


def network(features=3, outputs=1):
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((features,)), keras.layers.Dense(outputs)])


def fit(formula, **options):
    options = {"epochs": 1, "compile": "eager", "model": network(), **options}
    return tfloss.fit(formula, DATA, **options).history.names


def fit_stream(formula, **options):
    options = {"steps_per_epoch": 2, "compile": "eager", "model": network(), **options}
    return tfloss.fit_stream(formula, ROWS.batch(32), **options).history.names


def fit_model(formula, **options):
    options = {"compile": "eager", **options}
    return list(tfloss.fit_model(network(), (X, Y), formula, **options).history)


def attach(formula, callbacks=(), optimizer="adam", **options):
    model = tfloss.attach(network(), formula, **options)
    model.compile(optimizer, run_eagerly=True)
    return list(model.fit(X, Y, verbose=0, callbacks=list(callbacks)).history)


def estimator(formula, **options):
    options = {"model": network, "epochs": 1, "compile": "eager", "random_state": 0, **options}
    return list(DistilledClassifier(formula, **options).fit(X, Y).history_)


def compare(formula, **options):
    return tfloss.compare(formula, (X, Y), seeds=2, **options)


DOORS = {
    "fit": fit,
    "fit_stream": fit_stream,
    "fit_model": fit_model,
    "attach": attach,
    "estimator": estimator,
}
every_door = pytest.mark.parametrize("door", DOORS)


@tfloss.loss
def broken(labels, logits):
    return tf.math.log(labels[:, 0] - 2) + logits[:, 0]


@tfloss.loss
def far(labels, probs):
    return tf.reduce_sum(tf.abs(labels - probs), axis=-1)


@tfloss.loss(state=lambda shapes, settings: {"scale": tfloss.LossVariable((1,), 1.0)})
def scaled(labels, logits, *, state):
    return tf.square(labels - state["scale"] * logits)[:, 0]


@every_door
def test_nan_stops_the_training_with_a_sentence(door):
    with pytest.raises(tfloss.NumericsError, match="'broken'"):
        DOORS[door]("bce + broken", losses=[broken])


@every_door
@pytest.mark.parametrize("on_nan", ["skip", "lower"])
def test_on_nan_has_the_same_words_everywhere(door, on_nan):
    assert "bce" in DOORS[door]("bce", on_nan=on_nan)


@every_door
@pytest.mark.parametrize("loss", [far, scaled], ids=["plain", "with variables"])
def test_a_loss_of_ones_own(door, loss):
    assert loss.name in DOORS[door](f"bce + {loss.name}", losses=[loss])


@pytest.mark.parametrize("door", ["fit", "fit_stream", "fit_model"])
def test_checkpoints_by_checkpoint(door, tmp_path):
    DOORS[door]("bce", checkpoint=tmp_path)
    assert list(tmp_path.glob("step-*.npz"))
    DOORS[door]("bce", checkpoint=tmp_path, resume=True)


def test_checkpoints_by_the_callback(tmp_path):
    attach("bce", callbacks=[tfloss.Checkpoint(tmp_path)])
    assert list(tmp_path.glob("epoch-*.npz"))


@pytest.mark.parametrize("teacher", ["lr", LogisticRegression()], ids=["name", "unfitted"])
@pytest.mark.parametrize("door", ["fit", "fit_model", "attach", "estimator"])
def test_teachers_are_fitted_and_cached(door, teacher, tmp_path):
    assert "kl" in DOORS[door]("bce + kl", teacher=teacher, cache=tmp_path)
    assert list(tmp_path.glob("teacher-*.npz"))


def test_a_stream_fits_no_teacher():
    with pytest.raises(tfloss.UsageError, match="put its predictions into the dataset as a column"):
        fit_stream("bce + kl", teacher="lr")


def test_a_teacher_that_saw_the_holdout():
    known = KNeighborsClassifier(3).fit(X, Y)
    with pytest.raises(tfloss.DataError, match="rows that are held out here"):
        fit("bce + kl", teacher=known)
    model = tfloss.attach(network(), "bce + kl", teacher=known)
    model.compile("adam")
    with pytest.warns(UserWarning, match="of the 20 validation rows"):
        tfloss.fit_model(model, (X, Y), validation_split=0.25, compile="eager")


@every_door
@pytest.mark.parametrize("optimizer", ["sgd", keras.optimizers.SGD], ids=["name", "object"])
def test_optimizers(door, optimizer):
    optimizer = optimizer if isinstance(optimizer, str) else optimizer(0.1)
    assert "bce" in DOORS[door]("bce", optimizer=optimizer)


@every_door
def test_callbacks_of_keras(door):
    seen = []
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(logs))
    DOORS[door]("bce", callbacks=[callback])
    assert {"loss", "bce"} <= set(seen[0])


@pytest.mark.parametrize("door", ["fit", "fit_stream"])
def test_precision_is_of_models_that_are_built_here(door):
    with pytest.raises(tfloss.UsageError, match="precision"):
        DOORS[door]("bce", precision="mixed_bfloat16")


REFUSED = {
    "fit_model: precision": (
        lambda: fit_model("bce", precision="float32"),
        "no option 'precision'",
    ),
    "compare: on_nan": (lambda: compare("bce", on_nan="lower"), "on_nan"),
    "compare: precision": (lambda: compare("bce", precision="mixed_bfloat16"), "precision"),
    "compare: callbacks": (lambda: compare("bce", callbacks=[]), "callbacks"),
    "compare: eager": (lambda: compare("bce", compile="eager"), "compile"),
}


@pytest.mark.parametrize("cell", REFUSED)
def test_a_no_is_a_sentence(cell):
    call, word = REFUSED[cell]
    with pytest.raises(tfloss.UsageError, match=word):
        call()
