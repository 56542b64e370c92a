"""A formula in one's own model, with Keras' own fit, evaluate, predict."""

from __future__ import annotations

import csv

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import log_loss

import tfloss
from tests.keras_integration.models import (
    ROWS,
    Subclassed,
    data,
    forward,
    functional,
    sequential,
    two_ended,
)
from tfloss.errors import UsageError
from tfloss.formula import FormulaError

X, Y = data()


def evaluated(model, x=X, y=Y, **options):
    return model.evaluate(x, y, batch_size=ROWS, verbose=0, return_dict=True, **options)


def compiled(model, formula, metrics=None, **options):
    attached = tfloss.attach(model, formula, **options)
    attached.compile(keras.optimizers.SGD(0.1), metrics=metrics)
    return attached


def bce(probs, labels):
    return log_loss(labels, np.ravel(probs), labels=[0, 1])


@pytest.mark.parametrize("make", [functional, sequential, Subclassed])
def test_each_kind_of_model_has_the_loss_of_scikit_learn(make):
    model = make()
    logs = evaluated(compiled(model, "bce + 1e-2*l2" if make is not Subclassed else "bce"))
    raw = forward(model, X)
    probs = raw if make is not sequential else 1 / (1 + np.exp(-raw))
    assert logs["bce"] == pytest.approx(bce(probs, Y), rel=1e-5)


def test_each_term_is_a_metric_and_they_add_up(tmp_path):
    model = functional(kernel_regularizer="l2")
    attached = compiled(model, "bce + 0.1*mse(hidden, 2*hidden) + 1e-3*l2(out)", ["accuracy"])
    path = tmp_path / "log.csv"
    history = attached.fit(
        X, Y, epochs=3, batch_size=10, validation_split=0.25, verbose=0,
        callbacks=keras.callbacks.CSVLogger(path),
    ).history  # fmt: skip
    terms = [*attached.term_names, "model_losses"]
    assert terms == ["bce", "mse(hidden, 2*hidden)", "l2(out)", "model_losses"]
    for start in ("", "val_"):
        total = sum(np.array(history[start + name]) for name in terms)
        np.testing.assert_allclose(total, history[start + "loss"], rtol=1e-6)
        assert start + "accuracy" in history
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert float(rows[2]["mse(hidden, 2*hidden)"]) == history["mse(hidden, 2*hidden)"][2]


def test_predict_is_the_models_own():
    model = functional()
    np.testing.assert_allclose(
        compiled(model, "bce").predict(X, verbose=0), forward(model, X), rtol=1e-5
    )


def test_a_step_is_plain_keras_step():
    """The same gradient as Keras' own loss, so the same weights after an epoch."""
    plain, ours = functional(None), functional(None)
    plain.compile(keras.optimizers.SGD(0.1), keras.losses.BinaryCrossentropy(from_logits=True))
    plain.fit(X, Y, epochs=2, batch_size=7, shuffle=False, verbose=0)
    compiled(ours, "bce").fit(X, Y, epochs=2, batch_size=7, shuffle=False, verbose=0)
    for one, other in zip(plain.weights, ours.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


def test_sample_weights_and_class_weights():
    model = functional()
    attached = compiled(model, "bce")
    weights = np.r_[np.ones(6), np.zeros(ROWS - 6)].astype(np.float32)
    logs = evaluated(attached, sample_weight=weights)
    probs = forward(model, X)
    assert logs["bce"] == pytest.approx(bce(probs[:6], Y[:6]) * 6 / ROWS, rel=1e-5)
    by_class = attached.fit(X, Y, class_weight={0: 0.0, 1: 2.0}, batch_size=ROWS, verbose=0)
    positive = Y == 1
    expected = 2 * -np.log(probs[positive]).sum() / ROWS
    assert by_class.history["loss"][0] == pytest.approx(expected, rel=1e-5)


def test_one_array_of_weights_is_for_all_outputs():
    weights = np.r_[np.ones(6), np.zeros(ROWS - 6)].astype(np.float32)
    x, y = [X, X[:, :2]], [Y, X[:, 0]]
    attached = compiled(two_ended(), "bce(kind.labels, kind.logits) + mse(price.labels, price)")
    part = evaluated(attached, [X[:6], X[:6, :2]], [Y[:6], X[:6, 0]])
    logs = evaluated(attached, x, y, sample_weight=weights)
    assert logs["loss"] == pytest.approx(part["loss"] * 6 / ROWS, rel=1e-5)
    with pytest.raises(UsageError, match="written in the formula"):
        attached.fit(x, y, sample_weight=[weights, weights], verbose=0)


def test_class_weights_beside_a_dictionary_of_labels():
    model = functional()
    expected = 2 * -np.log(forward(model, X)[Y == 1]).sum() / ROWS
    attached = compiled(model, "bce + 0*mse(side, side)", columns=["side"])
    y = {"labels": Y, "side": X}
    history = attached.fit(X, y, class_weight={0: 0.0, 1: 2.0}, batch_size=ROWS, verbose=0)
    assert history.history["bce"][0] == pytest.approx(expected, rel=1e-5)


def test_missing_labels_count_neither_above_nor_below():
    model = functional()
    some = Y.astype(np.float32)
    some[::2] = np.nan
    logs = evaluated(compiled(model, "bce + entropy"), y=some)
    assert logs["bce"] == pytest.approx(bce(forward(model, X)[1::2], Y[1::2]), rel=1e-5)
    attached = compiled(model, "bce")
    attached.fit(X, some, verbose=0)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@pytest.mark.parametrize("where", ["x", "y"])
def test_columns_travel_in_either_dictionary(where):
    model = functional()
    attached = compiled(model, "mae(slope, hidden)", columns=["slope"])
    slope = np.ones((ROWS, 4), np.float32)
    hidden = keras.Model(model.input, model.get_layer("hidden").output)(X)
    x, y = ({"inputs": X, "slope": slope}, None) if where == "x" else (X, {"slope": slope})
    logs = evaluated(attached, x, y)
    assert logs["loss"] == pytest.approx(np.abs(1 - np.asarray(hidden)).mean(), rel=1e-5)


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, number):
        part = slice(number * 12, number * 12 + 12)
        return {"inputs": X[part], "rf": X[part, :1] ** 2}, Y[part]


@pytest.mark.parametrize("kind", ["arrays", "tf.data", "PyDataset"])
def test_every_kind_of_data_gives_the_same_history(kind):
    x = {"inputs": X, "rf": X[:, :1] ** 2}
    attached = compiled(functional(), "bce + mse(rf, probs)", columns=["rf"])
    if kind == "arrays":
        history = attached.fit(x, Y, batch_size=12, epochs=2, shuffle=False, verbose=0)
    else:
        batches = Batches() if kind == "PyDataset" else None
        dataset = batches or tf.data.Dataset.from_tensor_slices((x, Y)).batch(12)
        history = attached.fit(dataset, epochs=2, shuffle=False, verbose=0)
    reference = compiled(functional(), "bce + mse(rf, probs)", columns=["rf"])
    expected = reference.fit(x, Y, batch_size=12, epochs=2, shuffle=False, verbose=0)
    for name, values in expected.history.items():
        np.testing.assert_allclose(history.history[name], values, rtol=1e-6)


def test_several_inputs_and_outputs_by_name():
    model = two_ended()
    x = {"left": X, "right": X[:, :2]}
    y = {"kind": Y, "price": X[:, 0]}
    attached = compiled(
        model, "bce(kind.labels, kind.logits) + 0.5*mse(price.labels, price) + mae(left, 0*left)",
        {"kind": ["accuracy"], "price": ["mae"]},
    )  # fmt: skip
    logs = evaluated(attached, x, y)
    kind, price = (np.ravel(part) for part in model([X, X[:, :2]]))
    names = attached.term_names
    assert logs[names[0]] == pytest.approx(bce(kind, Y), rel=1e-5)
    assert logs[names[1]] == pytest.approx(0.5 * np.mean((price - X[:, 0]) ** 2), rel=1e-5)
    assert logs[names[2]] == pytest.approx(np.abs(X).mean(), rel=1e-5)
    assert logs["price_mae"] == pytest.approx(np.abs(price - X[:, 0]).mean(), rel=1e-5)
    as_lists = evaluated(attached, [X, X[:, :2]], [Y, X[:, 0]])
    assert as_lists["loss"] == pytest.approx(logs["loss"], rel=1e-6)


def test_class_numbers_become_one_hot():
    model = functional("softmax", 3)
    numbers = np.arange(ROWS) % 3
    ours = evaluated(compiled(model, "ce + focal(gamma=0)"), y=numbers)
    assert ours["ce"] == pytest.approx(
        log_loss(numbers, forward(model, X), labels=[0, 1, 2]), rel=1e-5
    )
    assert evaluated(compiled(model, "ce"), y=np.eye(3)[numbers])["ce"] == ours["ce"]


def test_a_fitted_teacher_is_asked_once():
    forest = RandomForestClassifier(5, random_state=0).fit(X, Y)
    asked = []
    answer = forest.predict_proba
    forest.predict_proba = lambda rows: asked.append(len(rows)) or answer(rows)
    model = functional()
    attached = compiled(model, "mse(teacher, probs)", teacher=forest)
    history = attached.fit(X, Y, epochs=3, validation_data=(X[:5], Y[:5]), verbose=0)
    assert asked == [ROWS, 5]
    assert len(history.history["val_loss"]) == 3
    expected = np.mean((answer(X)[:, 1:] - forward(model, X)) ** 2)
    assert evaluated(attached)["loss"] == pytest.approx(expected, rel=1e-5)


def test_a_keras_teacher_gives_its_layers_too():
    teacher, model = functional(), functional()
    teacher.get_layer("hidden").kernel.assign(np.ones((3, 4)))
    attached = compiled(model, "mse(old.hidden, hidden) + logit_mse(old)", teacher={"old": teacher})
    tap = lambda m: np.asarray(keras.Model(m.input, m.get_layer("hidden").output)(X))  # noqa: E731
    logs = evaluated(attached)
    expected = np.mean((tap(teacher) - tap(model)) ** 2)
    assert logs["mse(old.hidden, hidden)"] == pytest.approx(expected, rel=1e-5)


def test_schedules_count_steps_and_epochs():
    attached = compiled(functional(), "linear(0, 1, epochs=2)*mse(inputs, 0*inputs) + 0*bce")
    history = attached.fit(X, Y, epochs=3, batch_size=12, shuffle=False, verbose=0).history["loss"]
    means = [np.mean(X[:12] ** 2), np.mean(X[12:] ** 2)]
    expected = [
        np.mean([s * m for s, m in zip(steps, means, strict=True)])
        for steps in [(0, 0.25), (0.5, 0.75), (1, 1)]
    ]
    np.testing.assert_allclose(history, expected, rtol=1e-5)


def test_a_loss_of_ones_own():
    @tfloss.loss
    def far(labels, probs):
        return tf.reduce_sum(tf.abs(labels - probs), axis=-1) ** 3

    model = functional()
    logs = evaluated(compiled(model, "far", losses=[far]))
    assert logs["far"] == pytest.approx(np.mean(np.abs(Y[:, None] - forward(model, X)) ** 3), 1e-5)


@pytest.mark.parametrize(
    ("formula", "options", "words"),
    [
        ("bce + mse(hiden, hidden)", {}, "Did you mean 'hidden'"),
        ("bce + l2(hiden)", {}, "Did you mean 'hidden'"),
        ("bce + kl", {}, "'kl' needs the tensor 'teacher'"),
        ("bse", {}, "Did you mean .* 'bce'"),
        ("bce", {"columns": ["hidden"]}, "'hidden' is both"),
        ("bce + kl", {"teacher": 3}, "of type int is not a teacher"),
        ("bce + mse(t.hiden, hidden)", {"teacher": {"t": functional()}}, "no layer 'hiden'"),
    ],
)
def test_what_is_refused_when_it_is_attached(formula, options, words):
    with pytest.raises((FormulaError, UsageError), match=words):
        tfloss.attach(functional(), formula, **options)


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (X, None, "needs the tensor 'labels'.*Pass y to fit"),
        (X, {"labels": Y, "slop": X}, "'slop' among the labels.*Did you mean 'slope'"),
        (X, Y, "'slope', which this batch does not have.*x={'inputs': x, 'slope'"),
        ({"row": X, "slope": X}, Y, "The model's input 'rows' is not in the dictionary"),
        (X, {"labels": np.zeros((ROWS, 2)), "slope": X}, "shape"),
    ],
)
def test_what_is_refused_at_the_first_batch(x, y, words):
    attached = compiled(functional(), "bce + mse(slope, inputs)", columns=["slope"])
    with pytest.raises(UsageError, match=words):
        attached.fit(x, y, verbose=0)


def test_what_compile_refuses():
    attached = tfloss.attach(functional(), "mse")
    with pytest.raises(UsageError, match="loss of this model is its formula, 'mse'"):
        attached.compile("adam", "mse")
    with pytest.raises(UsageError, match="'mse' has the name of a term"):
        attached.compile("adam", metrics=["mse"])


@pytest.mark.parametrize("engine", [False, True])
def test_schedules_count_batches_also_where_gradients_are_accumulated(engine):
    """Keras' `iterations` counts updates: a schedule over 2 epochs would take 2*k."""
    x, y = data()
    model = tfloss.attach(functional(), "linear(0, 1, epochs=2)*bce")
    model.compile(keras.optimizers.SGD(0.0, gradient_accumulation_steps=4), jit_compile=False)
    plain = tfloss.attach(functional(), "bce").compute_loss(x, y, training=False)
    options = {"epochs": 3, "batch_size": 24, "shuffle": False}
    if engine:
        found = tfloss.fit_model(model, (x, y), compile="graph", **options)
    else:
        found = model.fit(x, y, verbose=0, **options)
    expected = float(plain) * np.array([0.0, 0.5, 1.0])
    np.testing.assert_allclose(found.history["bce"], expected, rtol=1e-5)
