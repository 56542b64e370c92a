"""Every formula of the table can be computed; those of Keras and torch give their numbers."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from scipy import special

from tests.losses.test_examples import WORLDS, value
from tfloss import tf
from tfloss.errors import UsageError
from tfloss.objective import Entry, Objective, Scope
from tfloss.registry import load_registry
from tfloss.report.catalogue import example_of

from .coverage import peers
from .inputs import INPUTS

REGISTRY = load_registry()
STANDS = [stand for peer in peers() for stand in peer.ours]
# The others are a loss's name or its example, which are computed by tests/losses/test_examples.py.
COMPUTED = {*REGISTRY.losses, *(example_of(loss) for loss in REGISTRY.losses.values())}
FORMULAS = sorted({stand.formula for stand in STANDS} - COMPUTED)
TORCH = json.loads(Path(__file__).with_name("torch.json").read_text(encoding="utf-8"))
OTHERS = [
    (library, kept)
    for library, found in json.loads(
        Path(__file__).with_name("others.json").read_text(encoding="utf-8")
    ).items()
    for kept in found["losses"]
]
DATA = ("labels", "time", "event", "image")


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_of_the_table_can_be_computed(formula):
    refusals = []
    for world in WORLDS:
        try:
            assert np.isfinite(value(formula, *world))
            return
        except (UsageError, ValueError) as refusal:
            refusals.append(f"{world}: {refusal}")
    pytest.fail("\n".join(refusals))


def test_names_are_said_once_and_reasons_given():
    for peer in peers():
        assert not {s.theirs for s in peer.ours} & peer.left_out.keys()
        assert all(len(reason) > 5 for reason in peer.left_out.values())


def ours(formula, kind):
    """Value and gradient by what the student gives, on the inputs of one kind."""
    tensors = {name: tf.constant(x, tf.float32) for name, x in INPUTS[kind].items()}
    scope = Scope([Entry(n, "test", known_outside=n in DATA) for n in tensors])
    objective = Objective(formula, REGISTRY, scope)
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        total = objective(tensors).total
    return float(total), tape.gradient(total, tensors)


# Their class with its settings, our formula, the kind of inputs, and what they are given.
KERAS = [
    ("BinaryCrossentropy", {"from_logits": True}, "bce", "yes_no"),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1},
     "bce(label_smoothing=0.1)", "yes_no"),
    ("BinaryFocalCrossentropy", {"from_logits": True},
     "asymmetric(gamma_positive=2, gamma_negative=2, margin=0)", "yes_no"),
    ("CategoricalCrossentropy", {"from_logits": True}, "ce", "classes"),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "alpha": 1.0}, "focal", "classes"),
    ("CategoricalHinge", {}, "categorical_hinge", "classes"),
    ("Hinge", {}, "hinge", "yes_no"),
    ("SquaredHinge", {}, "squared_hinge", "yes_no"),
    ("Huber", {"delta": 0.7}, "huber(delta=0.7)", "numbers"),
    ("LogCosh", {}, "log_cosh", "numbers"),
    ("MeanAbsoluteError", {}, "mae", "numbers"),
    ("MeanAbsolutePercentageError", {}, "100*mape", "amounts"),
    ("MeanSquaredError", {}, "mse", "numbers"),
    ("MeanSquaredLogarithmicError", {}, "msle", "amounts"),
    ("CosineSimilarity", {}, "cosine_distance", "numbers"),
]  # fmt: skip


@pytest.mark.parametrize(("theirs", "settings", "formula", "kind"), KERAS, ids=str)
def test_keras(theirs, settings, formula, kind):
    given = {name: tf.constant(x, tf.float32) for name, x in INPUTS[kind].items()}
    student = "logits" if "logits" in given else "prediction"
    with tf.GradientTape() as tape:
        tape.watch(given)
        expected = getattr(keras.losses, theirs)(**settings)(given["labels"], given[student])
    found, gradients = ours(formula, kind)
    shift = 1.0 if theirs == "CosineSimilarity" else 0.0
    assert found == pytest.approx(float(expected) + shift, rel=1e-5)
    slope = tape.gradient(expected, given[student])
    np.testing.assert_allclose(gradients[student], slope, rtol=1e-4, atol=1e-6)


def test_keras_divergence_of_labels():
    y, z = INPUTS["shares"]["labels"], INPUTS["shares"]["logits"]
    p = special.softmax(z, axis=1).astype(np.float32)
    expected = float(keras.losses.KLDivergence()(y.astype(np.float32), p))
    assert ours("forward_kl(teacher=labels)", "shares")[0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kept", TORCH["losses"], ids=lambda kept: kept["theirs"])
def test_torchs_numbers(kept):
    found, gradients = ours(kept["formula"], kept["kind"])
    assert found == pytest.approx(kept["value"], rel=1e-5)
    for name, slope in kept["gradients"].items():
        np.testing.assert_allclose(gradients[name], slope, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("library", "kept"), OTHERS, ids=lambda v: v if isinstance(v, str) else v["theirs"]
)
def test_other_libraries_numbers(library, kept):
    """Value and gradients of those that tests/peers/make_others.py installs."""
    found, gradients = ours(kept["formula"], kept["kind"])
    assert found == pytest.approx(kept["value"], rel=1e-5)
    for name, slope in kept["gradients"].items():
        np.testing.assert_allclose(gradients[name], slope, rtol=1e-4, atol=1e-6)
