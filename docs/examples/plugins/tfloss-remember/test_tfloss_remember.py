"""Losses that remember: tfloss's whole suite, and what they hold after a step, by hand."""

import numpy as np
from tfloss import tf
from tfloss.objective import Entry, Objective, Scope
from tfloss.registry import Registry, load_registry
from tfloss.testing import parametrize_with_checks

from tfloss_remember import centred, translated


@parametrize_with_checks([translated, centred])
def test_checks(check):
    check()


def objective(formula, *losses):
    registry = Registry([p for p in load_registry().plugins if p.name != "remember"])
    names = ("labels", "layer", "teacher_layer", "student_layer")
    return Objective(formula, registry.add(*losses), Scope([Entry(name, "test") for name in names]))


def test_centres_move_while_training_only():
    made = objective("centred(rate=1)", centred)
    tensors = {"labels": tf.constant([[1.0], [1.0]]), "layer": tf.constant([[3.0], [6.0]])}
    assert float(made(tensors).total) == (9 + 36) / 4
    made(tensors, training=True)
    made(tensors)
    centres = made.values()["centred(rate=1)/centres"]
    np.testing.assert_allclose(centres, [[0.0], [(3 + 6) / (1 + 2)]])


def test_a_projection_is_learned():
    made = objective("translated", translated)
    rng = np.random.default_rng(0)
    layer = rng.normal(size=(64, 3)).astype(np.float32)
    goal = layer @ rng.normal(size=(3, 2)).astype(np.float32)
    tensors = {"teacher_layer": tf.constant(goal), "student_layer": tf.constant(layer)}
    made(tensors)
    for _ in range(200):
        with tf.GradientTape() as tape:
            total = made(tensors).total
        for variable, slope in zip(
            made.trainable_variables, tape.gradient(total, made.trainable_variables), strict=True
        ):
            variable.assign(variable - 0.5 * slope)
    assert float(made(tensors).total) < 1e-6
