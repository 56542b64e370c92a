"""Frozen networks and the averaged student inside of formulas, against Keras alone."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfloss.errors import UsageError
from tfloss.formula import FormulaError, parse
from tfloss.objective import Entry, Objective, Scope
from tfloss.student import with_networks

RANDOM = np.random.default_rng(0)
TENSORS = {
    "labels": RANDOM.normal(size=(5, 3)).astype(np.float32),
    "prediction": RANDOM.normal(size=(5, 3)).astype(np.float32),
    "wide": RANDOM.normal(size=(5, 7)).astype(np.float32),
}
SCOPE = Scope(
    [
        Entry("labels", "data", (None, 3), known_outside=True),
        Entry("prediction", "output", (None, 3)),
        Entry("logits", "output", (None, 3)),
        Entry("wide", "data", (None, 7), known_outside=True),
        Entry("weights", "weights"),
    ]
)
PERCEPTUAL = "mse(vgg(prediction).block, vgg(labels).block)"


@pytest.fixture(scope="module")
def vgg():
    keras.utils.set_random_seed(0)
    source = keras.Input((3,))
    block = keras.layers.Dense(4, "tanh", name="block")(source)
    normed = keras.layers.BatchNormalization(name="normed")(keras.layers.Dropout(0.5)(block))
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="dense")], name="inner")
    model = keras.Model(source, inner(normed), name="vgg")
    model.get_layer("normed").set_weights([RANDOM.uniform(0.5, 2, 4) for _ in range(4)])
    return model


@pytest.fixture(scope="module")
def seeing(registry, vgg):
    return with_networks(registry, {"vgg": vgg})


def test_a_perceptual_loss_and_its_gradient_are_those_of_the_network_alone(seeing, vgg):
    block = keras.Model(vgg.inputs[0], vgg.get_layer("block").output)
    prediction = tf.constant(TENSORS["prediction"])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(prediction)
        found = Objective(PERCEPTUAL, seeing, SCOPE)({**TENSORS, "prediction": prediction}).total
        expected = tf.reduce_mean((block(prediction) - block(TENSORS["labels"])) ** 2)
    assert float(found) == pytest.approx(float(expected), rel=1e-6)
    ours, theirs = tape.gradient(found, prediction), tape.gradient(expected, prediction)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_it_runs_as_in_predict_and_is_not_trained(seeing, vgg):
    before = vgg.get_weights()
    objective = Objective("mse(vgg(prediction), labels)", seeing, SCOPE)
    found = objective(TENSORS, training=True).total
    expected = np.mean((vgg.predict(TENSORS["prediction"], verbose=0) - TENSORS["labels"]) ** 2)
    assert float(found) == pytest.approx(expected, rel=1e-5)
    assert not objective.trainable_variables
    for old, now in zip(before, vgg.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)


def test_one_forward_pass_for_each_argument(seeing, vgg, monkeypatch):
    passes = []
    call = type(vgg).call
    monkeypatch.setattr(
        type(vgg), "call", lambda self, *a, **k: passes.append(self.name) or call(self, *a, **k)
    )
    formula = f"{PERCEPTUAL} + 0.1*mse(vgg(prediction).inner.dense, vgg(labels)) + {PERCEPTUAL}"
    Objective(formula, seeing, SCOPE)(TENSORS)
    assert passes.count("vgg") == 2


def test_rows_that_are_missing_are_left_out(seeing, vgg):
    there = np.array([1, 0, 1, 1, 0], np.float32)
    labels = TENSORS["labels"] * there[:, None]
    found = Objective(PERCEPTUAL, seeing, SCOPE)(
        {**TENSORS, "labels": labels}, present={"labels": there}
    ).total
    block = keras.Model(vgg.inputs[0], vgg.get_layer("block").output)
    rows = np.mean((block(TENSORS["prediction"]) - block(labels)) ** 2, axis=1)
    assert float(found) == pytest.approx(rows[there == 1].mean(), rel=1e-5)


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("mse(vgg(prediction).blok, labels)", "no layer 'blok'. Did you mean 'block'?"),
        ("mse(vgg(prediction), vgg(labels).block)", "'prediction' has shape (batch, 4)"),
        ("mse(vgg(wide).block, labels)", "it takes (batch, 3), not (batch, 7)"),
        ("mse(vgg(prediction, labels), labels)", "called on one tensor"),
        ("mse(vgg, labels)", "there is no tensor 'vgg'"),
        ("vgg(prediction)", "'vgg' is a network; hand it to a loss"),
        ("mse(softmax(prediction).block, labels)", "'softmax' is none"),
        ("mse(prediction, labels).block", "'mse' is none"),
        ("mse(ema(decay=2).prediction, labels)", "lies in [0, 1)"),
        ("mse(ema(0.9).prediction, labels)", "has one setting"),
        ("mse(ema.labels, labels)", "name what it answers"),
        ("mse(ema(decay=0.9), labels)", "name what it answers"),
        ("mse(ema.hidden, labels)", "There are: prediction, logits"),
        ("mse(ema.prediction, labels)", "computes the student a second time"),
    ],
)
def test_refusals(seeing, formula, words):
    with pytest.raises(UsageError) as error:
        Objective(formula, seeing, SCOPE)({**TENSORS, "weights": {}})
    assert words.lower() in str(error.value).lower()


@pytest.mark.parametrize(
    ("networks", "words"),
    [
        ({"bce": "any.keras"}, "no file 'any.keras'"),
        ({"vgg": 3}, "is a int"),
        (["vgg"], "NAME=FILE.keras"),
        ({"vgg": keras.Sequential()}, "no weights yet"),
    ],
)
def test_what_is_no_network(registry, networks, words):
    with pytest.raises(UsageError, match=words):
        with_networks(registry, networks)


def test_a_name_that_is_taken(registry, vgg):
    with pytest.raises(UsageError, match="the name of a function"):
        with_networks(registry, {"softmax": vgg})


def test_layers_of_a_file_are_known_before_it_is_loaded(registry, vgg, tmp_path):
    path = tmp_path / "vgg.keras"
    vgg.save(path)
    found = with_networks(registry, [f"vgg={path}"])
    assert set(found.networks["vgg"].layers()) == set(
        with_networks(registry, {"vgg": vgg}).networks["vgg"].layers()
    )
    assert (
        found.networks["vgg"].digest() == with_networks(registry, {"v": vgg}).networks["v"].digest()
    )
    value = Objective(PERCEPTUAL, found, SCOPE)(TENSORS).total
    assert float(value) == float(
        Objective(PERCEPTUAL, with_networks(registry, {"vgg": vgg}), SCOPE)(TENSORS).total
    )


def test_the_grammar():
    assert (
        str(parse("mse( vgg( a ).b.c , ema(decay=.5).d )")) == "mse(vgg(a).b.c, ema(decay=0.5).d)"
    )
    assert r".\mathrm{b}" in parse("mse(vgg(a).b, c)")._repr_latex_()
    for text in ("(a).b", "mse(a) .b", "a.(b)"):
        with pytest.raises(FormulaError):
            parse(text)


# -- the student with averaged weights -------------------------------------------------------------


def test_the_average_is_the_mean_and_then_the_exponential_mean_of_the_weights(registry):
    weight = tf.Variable([[1.0, 2.0, 3.0]])
    asked = []

    def student(weights):
        asked.append(weights["w"])
        return {"prediction": tf.ones((5, 1)) @ weights["w"]}

    objective = Objective("mse(labels, ema(decay=0.6).prediction)", registry, SCOPE)
    steps = [float(i) for i in RANDOM.normal(size=6)]
    expected, average = [], np.zeros((1, 3))
    for step, value in enumerate(steps):
        weight.assign(tf.fill((1, 3), value))
        objective({**TENSORS, "weights": {"w": weight}}, training=True, student=student)
        past = min(0.6, 1 - 1 / (step + 1))
        average = past * average + (1 - past) * value
        expected.append(average)
    np.testing.assert_allclose([w.numpy() for w in asked], expected, rtol=1e-5)
    before = objective.values()
    objective({**TENSORS, "weights": {"w": weight}}, student=student)
    assert all(np.array_equal(before[path], value) for path, value in objective.values().items())
