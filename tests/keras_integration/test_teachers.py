"""Teachers of an attached model: with arrays, with batches, of fewer classes, of any student."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import rel_entr
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

import tfloss
from tests.keras_integration.models import ROWS, Subclassed, data, forward, functional

X, Y = data()
BATCHES = tf.data.Dataset.from_tensor_slices((X, Y)).batch(8)


class Items(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, number):
        part = slice(number * 8, number * 8 + 8)
        return X[part], Y[part]


def history(model, formula, x, y=None, **attaching):
    attached = tfloss.attach(model, formula, **attaching)
    attached.compile(keras.optimizers.SGD(0.1))
    return attached.fit(x, y, batch_size=8, shuffle=False, verbose=0).history


@pytest.mark.parametrize("teacher", ["estimator", "network"])
def test_a_dataset_gives_the_history_of_arrays(teacher):
    known = functional() if teacher == "network" else LogisticRegression().fit(X, Y)
    formula = "bce + kl + logit_mse(teacher)"
    expected = history(functional(), formula, X, Y, teacher=known)
    found = history(functional(), formula, BATCHES, teacher=known)
    assert found == {name: pytest.approx(values, rel=1e-5) for name, values in expected.items()}


def test_a_network_answers_within_the_step_whatever_the_data():
    known = functional()
    formula = "bce + mse(teacher.hidden, hidden)"
    before = known.get_weights()
    expected = history(functional(), formula, X, Y, teacher=known)
    found = history(functional(), formula, Items(), teacher=known)
    assert found == {name: pytest.approx(values, rel=1e-5) for name, values in expected.items()}
    for one, other in zip(before, known.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_batches_by_hand_ask_the_teacher_too():
    attached = tfloss.attach(functional(), "kl", teacher=LogisticRegression().fit(X, Y))
    attached.compile("sgd")
    one = attached.test_on_batch(X, Y)[0]
    assert one == pytest.approx(attached.evaluate(X, Y, batch_size=ROWS, verbose=0)[0], rel=1e-5)
    assert attached.train_on_batch(X, Y)[0] == pytest.approx(one, rel=1e-5)


def test_a_subclassed_student_has_teachers():
    model = Subclassed()
    known = LogisticRegression().fit(X, Y)
    attached = tfloss.attach(model, "mse(teacher, probs)", teacher=known)
    attached.compile("sgd")
    found = attached.evaluate(X, Y, batch_size=ROWS, verbose=0)[0]
    expected = np.mean((known.predict_proba(X)[:, 1:] - forward(model, X)) ** 2)
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_teacher_that_knows_fewer_classes_is_asked_by_their_numbers():
    known = LogisticRegression().fit(X, 2 * Y)  # 0 and 2 of 0, 1, 2
    model = functional("softmax", 3)
    found = history(model, "kd(temperature=1)", X[:8], teacher=known)["loss"][0]
    teacher = np.full((8, 3), 1e-7)
    teacher[:, [0, 2]] = known.predict_proba(X[:8])
    expected = rel_entr(teacher, forward(functional("softmax", 3), X[:8])).sum(axis=1).mean()
    assert found == pytest.approx(expected, rel=1e-3)


def test_a_teacher_with_too_many_classes_is_refused():
    known = LogisticRegression().fit(X, np.arange(ROWS) % 4)
    with pytest.raises(tfloss.DataError, match="answers with 4 columns, but the model has 3"):
        history(functional("softmax", 3), "kl", X, teacher=known)


@pytest.mark.parametrize("door", ["attach", "fit_model"])
@pytest.mark.parametrize("held_out", ["split", "data"])
def test_a_teacher_that_stores_validation_rows_is_named(door, held_out):
    known = KNeighborsClassifier(3).fit(X, Y)  # stores all 24 rows
    end = 18
    options = (
        {"validation_split": 0.25}
        if held_out == "split"
        else {"validation_data": (X[end:], Y[end:])}
    )
    x, y = (X, Y) if held_out == "split" else (X[:end], Y[:end])
    model = tfloss.attach(functional(), "bce + kl", teacher=known)
    model.compile("sgd")
    train = (
        tfloss.fit_model if door == "fit_model" else lambda m, data, **more: m.fit(*data, **more)
    )
    with pytest.warns(UserWarning, match="'teacher' was fitted on 6 of the 6 validation rows"):
        train(model, (x, y), epochs=1, verbose=0, **options)


def test_a_teacher_fitted_on_the_training_rows_alone_is_not_accused(recwarn):
    known = KNeighborsClassifier(3).fit(X[:18], Y[:18])
    history(functional(), "bce + kl", X[:18], Y[:18], teacher=known)
    model = tfloss.attach(functional(), "bce + kl", teacher=known)
    model.compile("sgd")
    model.fit(X, Y, validation_split=0.25, verbose=0)
    assert not [one for one in recwarn if "validation rows" in str(one.message)]


# -- a teacher's layers, and its own inputs -------------------------------------------------------


def wide_network():
    keras.utils.set_random_seed(3)
    source = keras.Input((5,), name="wide")
    return keras.Model(source, keras.layers.Dense(4, name="inner")(source))


@pytest.mark.parametrize("dataset", [False, True])
def test_a_teacher_with_inputs_of_its_own(dataset):
    teacher, wide = wide_network(), np.random.default_rng(0).normal(size=(24, 5)).astype("float32")
    model = tfloss.attach(functional(), "mse(hidden, teacher.inner)", teacher=teacher)
    model.compile("sgd", run_eagerly=True)
    x = {"inputs": X, "teacher.inputs": wide}
    hidden = keras.Model(model.inputs, model.get_layer("hidden").output)(X)
    expected = float(np.mean((np.asarray(hidden) - np.asarray(teacher(wide))) ** 2))
    given = tf.data.Dataset.from_tensor_slices((x, Y)).batch(24) if dataset else x
    found = model.evaluate(given, None if dataset else Y, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(expected, rel=1e-5)
    with pytest.raises(tfloss.UsageError, match=r"'teacher\.inputs': …"):
        model.fit(X, Y, verbose=0)


def test_an_estimator_with_inputs_of_its_own():
    wide = np.random.default_rng(0).normal(size=(24, 5))
    forest = LogisticRegression().fit(wide, Y)
    model = tfloss.attach(functional(), "mse(probs, teacher)", teacher=forest)
    model.compile("sgd", run_eagerly=True)
    x = {"inputs": X, "teacher.inputs": wide}
    found = model.evaluate(x, Y, verbose=0, return_dict=True)["loss"]
    probs = np.asarray(model.model(X))
    assert found == pytest.approx(np.mean((probs - forest.predict_proba(wide)[:, 1:]) ** 2), 1e-4)


def test_a_layer_of_a_teacher_for_a_student_with_several_outputs():
    teacher = functional()
    formula = "bce(kind.labels, kind.logits) + mse(both, teacher.hidden)"
    source = keras.Input((3,))
    both = keras.layers.Dense(4, name="both")(source)
    outputs = {name: keras.layers.Dense(1, name=name)(both) for name in ("kind", "size")}
    model = tfloss.attach(keras.Model(source, outputs), formula, teacher=teacher)
    model.compile("sgd", run_eagerly=True)
    found = model.evaluate(X, {"kind": Y, "size": X[:, 0]}, verbose=0, return_dict=True)
    inner = keras.Model(teacher.inputs, teacher.get_layer("hidden").output)(X)
    expected = np.mean((np.asarray(keras.Model(source, both)(X)) - np.asarray(inner)) ** 2)
    assert found["mse(both, teacher.hidden)"] == pytest.approx(float(expected), rel=1e-5)
