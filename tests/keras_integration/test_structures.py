"""Inputs, outputs and labels in any structure that Keras takes, compared with plain Keras."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfloss
from tests.keras_integration.models import ROWS, data
from tfloss.errors import UsageError
from tfloss.formula import FormulaError
from tfloss.student.structures import names_in_order, output_names

X, Y = data()
layers = keras.layers
A, B, C = (np.random.default_rng(i).normal(size=(ROWS, 1)).astype(np.float32) for i in range(3))
TWO = {"zebra": A, "ant": B}


def heads(outputs, inputs=None):
    """A model whose outputs are units of one layer in the structure that `outputs` makes."""
    keras.utils.set_random_seed(0)
    source = keras.Input((3,), name="rows") if inputs is None else inputs
    body = layers.Dense(4, "tanh", name="body")(keras.tree.flatten(source)[0])
    return keras.Model(source, outputs(lambda name: layers.Dense(1, name=name)(body)))


def ours(model, formula, x, y, metrics=None, **options):
    attached = tfloss.attach(model, formula, task="regression", **options)
    attached.compile("sgd", metrics=metrics)
    return attached.evaluate(x, y, verbose=0, return_dict=True)


def keras_loss(model, x, y, **options):
    model.compile("sgd", **options)
    return pytest.approx(model.evaluate(x, y, verbose=0, return_dict=True)["loss"], rel=1e-5)


SUM = "mse(zebra.labels, zebra) + 0.3*mse(ant.labels, ant)"


def test_a_dictionary_of_outputs_in_any_order_with_labels_in_a_list_as_keras_assigns_them():
    model = heads(lambda unit: {"zebra": unit("z"), "ant": layers.Concatenate()([unit("a")] * 2)})
    wide = np.concatenate([B, C], 1)
    named, listed = {"zebra": A, "ant": wide}, [wide, A]
    options = {"loss": {"zebra": "mse", "ant": "mse"}, "loss_weights": {"zebra": 1, "ant": 0.3}}
    expected = keras_loss(model, X, listed, **options)
    assert ours(model, SUM, X, listed)["loss"] == expected
    logs = ours(model, SUM, X, named, metrics={"zebra": ["mae"], "ant": ["mae"]})
    assert logs["loss"] == expected
    zebra, ant = (np.asarray(model(X)[name]) for name in ("zebra", "ant"))
    assert logs["zebra_mae"] == pytest.approx(np.abs(zebra - A).mean(), rel=1e-5)
    assert logs["ant_mae"] == pytest.approx(np.abs(ant - wide).mean(), rel=1e-5)


def test_a_dictionary_of_inputs_in_any_order():
    zebra, ant = keras.Input((2,), name="zebra"), keras.Input((3,), name="ant")
    both = layers.Concatenate()([zebra, ant])
    model = keras.Model({"zebra": zebra, "ant": ant}, layers.Dense(1, name="out")(both))
    x = {"zebra": X[:, :2], "ant": X}
    logs = ours(model, "mse + 0.1*mse(zebra, 0*zebra)", x, A)
    penalty = 0.1 * np.mean(X[:, :2] ** 2)
    expected = keras_loss(model, x, A, loss="mse").expected + penalty
    assert logs["loss"] == pytest.approx(expected, rel=1e-5)
    batches = tf.data.Dataset.from_tensor_slices(({"inputs": x, "w": A**2}, A)).batch(ROWS)
    weighted = ours(model, "w*mse", batches, None, columns=["w"])["loss"]
    by_hand = np.mean(A**2 * (np.asarray(model(x)) - A) ** 2)
    assert weighted == pytest.approx(by_hand, rel=1e-5)


def test_nested_outputs_are_named_by_their_keys():
    model = heads(
        lambda unit: {"heads": {"b": unit("x"), "a": unit("y")}, "rest": [unit("p"), unit("q")]}
    )
    assert output_names(model) == ["heads.a", "heads.b", "rest.p", "rest.q"]
    y = {"rest": [C, A], "heads": {"a": A, "b": B}}
    formula = "mse(heads.a.labels, heads.a) + 2*mse(rest.p.labels, rest.p)"
    answers = model(X)
    expected = np.mean((np.asarray(answers["heads"]["a"]) - A) ** 2)
    expected += 2 * np.mean((np.asarray(answers["rest"][0]) - C) ** 2)
    metrics = {"heads": {"a": ["mae"], "b": None}, "rest": [None, None]}
    logs = ours(model, formula, X, y, metrics=metrics)
    assert logs["loss"] == pytest.approx(expected, rel=1e-5)
    error = np.abs(np.asarray(answers["heads"]["a"]) - A).mean()
    assert next(v for name, v in logs.items() if name.endswith("mae")) == pytest.approx(error)
    flat = {"heads.a": A, "rest.p": C}
    assert ours(model, formula, X, flat)["loss"] == pytest.approx(expected, rel=1e-5)
    assert ours(model, formula, X, [A, B, C, A])["loss"] == pytest.approx(expected, rel=1e-5)


class Answering(keras.Model):
    def __init__(self, structure):
        super().__init__()
        self.one, self.other, self.structure = layers.Dense(1), layers.Dense(1), structure

    def call(self, inputs):
        return self.structure(self.one(inputs), self.other(inputs))


@pytest.mark.parametrize(
    ("structure", "y", "names"),
    [
        (lambda p, q: {"z": p, "a": [q]}, [B, A], ("z", "a.output1")),
        (lambda p, q: (p, {"k": q}), (A, {"k": B}), ("output1", "k")),
    ],
)
def test_a_subclassed_model_may_answer_in_any_structure(structure, y, names):
    formula = " + ".join(f"mse({name}.labels, {name})" for name in names)
    model = Answering(structure)
    one, other = np.asarray(model.one(X)), np.asarray(model.other(X))
    expected = np.mean((one - A) ** 2) + np.mean((other - B) ** 2)
    assert ours(model, formula, X, y)["loss"] == pytest.approx(expected, rel=1e-5)


def test_both_outputs_of_one_shared_encoder():
    left, right = keras.Input((3,), name="left"), keras.Input((3,), name="right")
    encoder = keras.Sequential([keras.Input((3,)), layers.Dense(2)], name="encoder")
    model = keras.Model([left, right], [encoder(left), encoder(right)])
    assert output_names(model) == ["encoder", "encoder.call2"]
    wide = [np.repeat(A, 2, 1), np.repeat(B, 2, 1)]
    formula = "mse(encoder.labels, encoder) + mse(encoder.call2.labels, encoder.call2)"
    logs = ours(model, formula, [X, X[::-1]], wide)
    assert logs["loss"] == keras_loss(model, [X, X[::-1]], wide, loss=["mse", "mse"])


def test_labels_of_some_outputs_only():
    model = heads(lambda unit: [unit("zebra"), unit("ant")])
    expected = np.mean((np.asarray(model(X)[1]) - B) ** 2)
    assert ours(model, "mse(ant.labels, ant)", X, B)["loss"] == pytest.approx(expected, rel=1e-5)
    with pytest.raises(UsageError, match="There are 3 arrays of labels, but the model has 2"):
        ours(model, SUM, X, [A, B, C])


def test_a_name_of_two_things_is_refused_only_where_the_formula_names_it():
    source = keras.Input((3,), name="labels")
    other = keras.Input((3,), name="more")
    inner = layers.Dense(2, name="weights")(layers.Add()([source, other]))
    model = keras.Model([source, other], layers.Dense(1, name="out")(inner))
    expected = np.mean(np.asarray(model([X, X])) ** 2)
    logs = ours(model, "mse(prediction, 0*prediction)", {"labels": X, "more": X}, None)
    assert logs["loss"] == pytest.approx(expected, rel=1e-5)
    with pytest.raises(FormulaError, match="'labels' is both an input and an output or its labels"):
        tfloss.attach(model, "mse")
    with pytest.raises(FormulaError, match="'weights' is both a layer and all trainable weights"):
        tfloss.attach(model, "mse(out, 0*out) + l2(weights)")


@pytest.fixture(scope="module")
def backbone():
    """Layers called as those of MobileNetV2 and EfficientNetV2 are."""
    source = keras.Input((3,))
    inner = layers.Dense(2, name="mobilenetv2_1.00_32")(source)
    for number in range(200):
        inner = layers.Identity(name=f"block_{number}-add")(inner)
    return keras.Model(source, layers.Dense(1, name="efficientnetv2-b0")(inner))


def test_names_of_real_backbones_stand_in_quotes(backbone):
    formula = "mse('mobilenetv2_1.00_32', 0*'block_3-add') + 2*mse(labels, 'efficientnetv2-b0')"
    attached = tfloss.attach(backbone, formula, task="regression")
    assert attached.formula == formula
    logs = ours(backbone, formula, X, A)
    inner = backbone.get_layer("mobilenetv2_1.00_32")(X)
    expected = np.mean(np.square(inner)) + 2 * np.mean((np.asarray(backbone(X)) - A) ** 2)
    assert logs["loss"] == pytest.approx(expected, rel=1e-5)
    assert "'mobilenetv2_1.00_32'" in str(attached.objective)


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("mse(mobilenetv2_1.00_32, labels)", "stands in quotes: 'mobilenetv2_1.00_32'"),
        ("mse(efficientnetv2-b0, labels)", "stands in quotes: mse\\('efficientnetv2-b0', …\\)"),
        ("mse('block_7-ad', labels)", "Did you mean 'block_7-add'"),
        ("l2(blok)", "There are: mobilenetv2_1.00_32/kernel"),
    ],
)
def test_messages_about_two_hundred_layers_are_short(backbone, formula, words):
    with pytest.raises(FormulaError, match=words) as caught:
        tfloss.attach(backbone, formula)
    assert len(str(caught.value)) < 1200


def test_names_of_a_structure():
    def place(_, at):
        return f"out{at}"

    assert names_in_order([1], place) == [""]
    assert names_in_order({"b": 1, "a": 2}, place) == ["a", "b"]
    assert names_in_order([1, {"k": (2, 3)}], place) == ["out0", "k.out0", "k.out1"]
