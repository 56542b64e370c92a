"""Losses that hold variables: made, trained, updated, saved and restored with the objective."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import tfloss
from tfloss.errors import DataError, NumericsError, PluginError, UsageError
from tfloss.objective import Entry, Objective, Scope
from tfloss.objective.loss_variables import shapes_of
from tfloss.registry import Registry, load_registry
from tfloss.runs.folder import read_run, write_run
from tfloss.runs.train import run
from tfloss.training.config import Config


def projection(shapes, settings):
    wide, narrow = shapes["goal"][-1], shapes["hidden"][-1]
    return {"projection": tfloss.LossVariable((narrow, wide), "glorot_uniform")}


@tfloss.loss(state=projection)
def match(goal, hidden, *, scale=1.0, state):
    """Squared distance to the goal after a learned projection."""
    return scale * tf.reduce_mean((goal - tf.matmul(hidden, state["projection"])) ** 2, axis=-1)


@tfloss.loss(
    state=lambda shapes, settings: {"mean": tfloss.LossVariable((1,), 0.0, trainable=False)}
)
def surprise(values, *, rate=0.5, state):
    """Distance from a running mean, which moves while training."""
    state.update("mean", (1 - rate) * state["mean"] + rate * tf.reduce_mean(values))
    return tf.reduce_sum((values - state["mean"]) ** 2, axis=-1)


REGISTRY = Registry(load_registry().plugins).add(match, surprise)
SCOPE = Scope([Entry(name, "data") for name in ("goal", "hidden", "hidden2", "values")])
RANDOM = np.random.default_rng(0)
TENSORS = {
    "goal": RANDOM.normal(size=(8, 3)).astype(np.float32),
    "hidden": RANDOM.normal(size=(8, 2)).astype(np.float32),
    "hidden2": RANDOM.normal(size=(8, 5)).astype(np.float32),
    "values": np.full((8, 1), 4.0, np.float32),
}


def objective(formula, **more):
    return Objective(formula, REGISTRY, SCOPE, **more)


def called(formula, **more):
    made = objective(formula, **more)
    made(TENSORS)
    return made


# -- variables -----------------------------------------------------------------------------------


def test_a_variable_is_named_by_its_term_and_has_the_declared_shape():
    variables = called("match").variables
    assert {path: tuple(v.shape) for path, v in variables.items()} == {"match/projection": (2, 3)}


def test_each_use_has_its_own():
    shapes = {
        path: tuple(v.shape)
        for path, v in called("match + match*match(goal, hidden2)").variables.items()
    }
    assert shapes == {
        "match/projection": (2, 3),
        "match*match(goal, hidden2)/projection": (2, 3),
        "match*match(goal, hidden2)/2/projection": (5, 3),
    }


def test_the_value_is_that_of_the_formula_with_the_variable():
    made = called("2*match(scale=3)")
    matrix = made.values()["match(scale=3)/projection"]
    expected = 6 * np.mean((TENSORS["goal"] - TENSORS["hidden"] @ matrix) ** 2)
    assert float(made(TENSORS).total) == pytest.approx(expected, rel=1e-5)


def test_the_seed_decides_the_first_values():
    first, again, other = (
        called("match", seed=seed).values()["match/projection"] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_formula_without_such_losses_holds_nothing():
    made = called("mse(goal, goal)")
    assert not made.states
    assert made.variables == {}
    assert made.values() == {}


def test_variables_are_made_also_while_a_program_is_traced():
    made = objective("match")
    total = tf.function(lambda: made(TENSORS).total)()
    assert float(total) == pytest.approx(float(made(TENSORS).total), rel=1e-6)


def test_a_gradient_reaches_the_trainable_ones():
    made = called("match + surprise")
    with tf.GradientTape() as tape:
        total = made(TENSORS).total
    (gradient,) = tape.gradient(total, made.trainable_variables)
    assert gradient.shape == (2, 3)
    assert np.any(gradient)


def test_shapes_are_those_of_tensors_with_a_batch():
    """A list of weights has no shape, nor has a number; the axis of the batch is None."""
    tensors = {
        "matrix": np.zeros((8, 3)),
        "images": tf.zeros((2, 4, 4, 1)),
        "column": np.zeros(8),
        "weights": [np.zeros((2, 2))],
        "pair": (np.zeros(3), np.zeros(3)),
        "number": tf.constant(1.0),
    }
    expected = {"matrix": (None, 3), "images": (None, 4, 4, 1), "column": (None,)}
    assert shapes_of(tensors) == expected


def test_state_is_no_setting():
    assert dict(match.settings) == {"scale": 1.0}
    with pytest.raises(UsageError, match="no setting or tensor 'state'"):
        objective("match(state=1)")


# -- updates -------------------------------------------------------------------------------------


def test_an_update_happens_while_training_only():
    made = called("surprise")
    assert made.values()["surprise/mean"] == 0
    made(TENSORS, training=True)
    assert made.values()["surprise/mean"] == 2  # half of the way from 0 to 4
    made(TENSORS)
    assert made.values()["surprise/mean"] == 2


def test_the_value_is_the_one_before_the_update():
    made = called("surprise")
    assert float(made(TENSORS, training=True).total) == 16
    assert float(made(TENSORS, training=True).total) == 4


# -- saving --------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before it is called", "after"])
def test_values_come_back(when):
    saved = called("match", seed=1)
    fresh = objective("match", seed=2) if when == "before it is called" else called("match", seed=2)
    fresh.load(saved.values())
    assert float(fresh(TENSORS).total) == float(saved(TENSORS).total)


def test_values_of_another_formula_are_refused():
    with pytest.raises(DataError, match="no stateful term"):
        objective("match").load(called("surprise").values())
    other = Objective("match", REGISTRY, SCOPE)
    other.load({"match/projection": np.zeros((7, 7))})
    with pytest.raises(DataError, match="has shape"):
        other(TENSORS)


# -- declaring -----------------------------------------------------------------------------------


def test_a_loss_with_state_has_the_parameter():
    with pytest.raises(PluginError, match="no keyword parameter 'state'"):
        tfloss.loss(lambda labels: labels, name="lacking", state=projection)


def test_what_is_held_is_declared():
    wrong = tfloss.loss(match.function, name="wrong", state=lambda shapes, settings: {"w": 3})
    registry = Registry(load_registry().plugins).add(wrong)
    with pytest.raises(PluginError, match=r"must be a tfloss\.LossVariable"):
        Objective("wrong", registry, SCOPE)(TENSORS)


def test_the_batch_is_no_axis_of_a_variable():
    with pytest.raises(PluginError, match="positive length"):
        tfloss.LossVariable((None, 3))


# -- training ------------------------------------------------------------------------------------

FORMULA = "bce + 0.1*match(inputs, hidden1) + surprise(logits)"
OPTIONS = {
    "data": "breast_cancer",
    "formula": FORMULA,
    "model": "mlp:4",
    "epochs": 3,
    "train_size": 60,
    "batch_size": 20,
}


@pytest.fixture(scope="module", params=["graph", "xla"])
def trained(request):
    config = Config.from_mapping({**OPTIONS, "compile": request.param}, origin="test")
    return config, run(config, REGISTRY)


def test_training_changes_what_is_held(trained):
    _, result = trained
    values = result.objective.values()
    assert set(values) == {"match(inputs, hidden1)/projection", "surprise(logits)/mean"}
    still = {**OPTIONS, "epochs": 1, "optimizer": "sgd:learning_rate=1e-30"}
    untrained = run(Config.from_mapping(still, origin="test"), REGISTRY).objective.values()
    path = "match(inputs, hidden1)/projection"
    assert np.all(np.any(values[path] != untrained[path], axis=-1))
    assert values["surprise(logits)/mean"] != 0


def test_a_run_keeps_what_is_held(trained, tmp_path):
    config, result = trained
    folder = write_run(tmp_path, config, result)
    read = read_run(folder)
    values = read.held()
    for path, value in result.objective.values().items():
        np.testing.assert_array_equal(values[path], value)
    (folder / "objective.npz").write_bytes(b"something else")
    with pytest.raises(DataError, match="objective"):
        read.held()


def test_a_run_without_such_losses_has_no_such_file(tmp_path):
    config = Config.from_mapping({**OPTIONS, "formula": "bce", "epochs": 1}, origin="test")
    folder = write_run(tmp_path, config, run(config, REGISTRY))
    assert not (folder / "objective.npz").exists()
    assert read_run(folder).held() == {}


def test_what_is_held_stays_finite_when_numbers_break(monkeypatch):
    made = []

    class Remembered(Objective):
        def __init__(self, *args, **more):
            super().__init__(*args, **more)
            made.append(self)

    monkeypatch.setattr("tfloss.training.bound_formula.Objective", Remembered)
    options = {**OPTIONS, "optimizer": "sgd:learning_rate=1e30", "compile": "graph"}
    with pytest.raises(NumericsError, match="The weights are those of step"):
        run(Config.from_mapping(options, origin="test"), REGISTRY)
    held = made[-1].values()  # the first was only checked against the data
    assert held
    for value in held.values():
        assert np.isfinite(value).all()
