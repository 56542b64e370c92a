"""Settings that are learned: in range, trained, logged, loaded, refused."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
import pytest
import tensorflow as tf

import tfloss
from tests.objective.builders import SCOPE
from tfloss.constraints import Above, AtLeast, Interval, Learnable
from tfloss.formula import Call, FormulaError, Number
from tfloss.objective import Entry, Objective, Scope, plan_terms

PAIRS = Scope([Entry("one", "layer", (None, 4)), Entry("two", "layer", (None, 4))])
RANDOM = np.random.default_rng(0)
TENSORS = {name: RANDOM.normal(size=(6, 4)).astype(np.float32) for name in ("one", "two")}
FORMULA = "info_nce(one, two, temperature=learned(0.07))"


def clip_loss(logarithm):
    """Cross-entropy of cosines over a temperature, by its logarithm, as CLIP has it."""
    one, two = (tf.math.l2_normalize(TENSORS[name], axis=1) for name in ("one", "two"))
    logits = tf.matmul(one, two, transpose_b=True) / tf.exp(logarithm)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.range(6), logits=logits)
    return tf.reduce_mean(losses)


def test_a_temperature_is_learned_by_its_logarithm_as_in_clip(registry):
    objective = Objective(FORMULA, registry, PAIRS)
    with tf.GradientTape() as tape:
        outcome = objective(TENSORS, training=True)
    (variable,) = objective.trainable_variables
    assert list(objective.variables) == [f"{FORMULA}/temperature"]
    assert float(variable) == pytest.approx(math.log(0.07))
    gradient = tape.gradient(outcome.total, variable.value)
    with tf.GradientTape() as tape:
        logarithm = tf.Variable(math.log(0.07))
        expected = clip_loss(logarithm)
    assert float(outcome.total) == pytest.approx(float(expected), rel=1e-5)
    assert float(gradient) == pytest.approx(float(tape.gradient(expected, logarithm)), rel=1e-4)


def test_what_is_learned_is_logged_and_is_no_part_of_the_total(registry):
    objective = Objective(f"2*{FORMULA} + 0.1*mse(one, two)", registry, PAIRS)
    total, values = objective(TENSORS)
    assert objective.names[2:] == (f"temperature({FORMULA})",)
    assert float(values[2]) == pytest.approx(0.07)
    assert float(total) == pytest.approx(float(values[0] + values[1]))
    assert float(objective.total(values)) == pytest.approx(float(total))


def test_it_is_saved_and_loaded(registry):
    objective = Objective(FORMULA, registry, PAIRS)
    objective(TENSORS)
    objective.trainable_variables[0].assign(math.log(0.5))
    again = Objective(FORMULA, registry, PAIRS)
    again.load(objective.values())
    assert float(again(TENSORS).terms[1]) == pytest.approx(0.5)


def test_two_uses_have_a_variable_each(registry):
    formula = f"{FORMULA} + siglip(one, two, temperature=learned(0.1), bias=learned(-10))"
    objective = Objective(formula, registry, PAIRS)
    objective(TENSORS)
    assert [round(float(v), 4) for v in objective.variables.values()] == [
        round(math.log(0.07), 4),
        round(math.log(0.1), 4),
        -10.0,
    ]
    assert objective.names[2:] == (
        f"temperature({FORMULA})",
        "temperature(siglip(one, two, temperature=learned(0.1), bias=learned(-10)))",
        "bias(siglip(one, two, temperature=learned(0.1), bias=learned(-10)))",
    )


@pytest.fixture(scope="module")
def own(registry):
    @tfloss.loss
    def bounded(
        one,
        *,
        inside: Annotated[float, Interval(0, 2), Learnable()] = 0.5,
        below: Annotated[float, Interval(None, 1, "right"), Learnable()] = 0.0,
        anything: Annotated[float, Learnable()] = 3.0,
        least: Annotated[float, AtLeast(1), Learnable()] = 2.0,
    ):
        return inside + below + anything + least + 0 * one[:, 0]

    @tfloss.loss(state=lambda shapes, settings: {"scale": tfloss.LossVariable((), 1.0)})
    def held(one, *, state, scale: Annotated[float, Above(0), Learnable()] = 1.0):
        return one[:, 0] * scale

    return tfloss.Registry(registry.plugins).add(bounded, held)


@pytest.mark.parametrize(
    ("setting", "initial", "low", "high"),
    [
        ("inside", 0.3, 0, 2),
        ("below", -1.5, -math.inf, 1),
        ("anything", -4, -math.inf, math.inf),
        ("least", 1.5, 1, math.inf),
    ],
)
def test_it_begins_where_it_is_told_and_stays_in_its_range(own, setting, initial, low, high):
    objective = Objective(f"bounded({setting}=learned({initial}))", own, PAIRS, allow_negative=True)
    assert float(objective(TENSORS).terms[1]) == pytest.approx(initial)
    (variable,) = objective.trainable_variables
    for far in (-12.0, 12.0):
        variable.assign(far)
        assert low < float(objective(TENSORS).terms[1]) < high


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("info_nce(one, two, temperature=learned())", "takes one number"),
        ("info_nce(one, two, temperature=learned(0.1, 2))", "takes one number"),
        ("info_nce(one, two, temperature=learned('a'))", "takes one number"),
        ("info_nce(one, two, temperature=learned(one))", "takes one number"),
        ("info_nce(one, two, temperature=learned(0))", "must be positive"),
        ("bounded(least=learned(1))", "the end of its range"),
        ("huber(one, two, delta=learned(1))", "none of its settings can"),
        ("siglip(one, two, temperature=learned(1), bias=learned(true))", "takes one number"),
        ("mse(standardise(one, epsilon=learned(1)), two)", "cannot be learned"),
        ("held(one, scale=learned(1))", "a setting's name"),
    ],
)
def test_what_cannot_be_learned_is_refused(own, formula, words):
    with pytest.raises((FormulaError, tfloss.PluginError)) as error:
        Objective(formula, own, PAIRS)(TENSORS)
    assert words in str(error.value)


def test_the_default_scope_of_a_formula_built_in_python(registry):
    built = registry.losses["info_nce"].term(
        "hidden1", "hidden1", temperature=Call("learned", (Number(0.07),))
    )
    assert str(built) == "info_nce(hidden1, hidden1, temperature=learned(0.07))"
    plan_terms(built, registry, SCOPE)
