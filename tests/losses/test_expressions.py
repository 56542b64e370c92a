"""Any tensor as a term, in formulas that people write by hand, against plain TensorFlow."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.objective.builders import HIDDEN, LOGITS, SCOPE, TENSORS
from tfloss import tf
from tfloss.objective import Entry, Objective, Scope
from tfloss_losses.expressions import value, value_sum

from .checks import assert_finite_and_equal_modes, case


def data():
    return {"expression": np.random.default_rng(0).normal(size=(6, 2, 3))}


def extremes():
    scales = np.array([0, 1, -1, 1e4, -1e4, 0])[:, None]
    return {"expression": scales * np.array([[1.0, -1.0]])}


FAMILY = tuple(
    case(loss, name, tensors)
    for loss in (value, value_sum)
    for name, tensors in (("moderate", data()), ("extreme", extremes()))
)


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    assert_finite_and_equal_modes(FAMILY, chosen)


def test_they_are_numpys_mean_and_sum():
    x = data()["expression"].astype(np.float32)
    np.testing.assert_allclose(value(tf.constant(x)), x.mean((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(value_sum(tf.constant(x)), x.sum((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(value(tf.constant(x[:, 0, 0])), x[:, 0, 0])


def worth(formula, registry, tensors, scope):
    return float(Objective(formula, registry, scope)(tensors).total)


def of(shapes):
    random = np.random.default_rng(1)
    entries = [Entry(name, "student layer", (None, *shape)) for name, shape in shapes.items()]
    tensors = {
        name: tf.constant(random.normal(size=(6, *shape)), tf.float32)
        for name, shape in shapes.items()
    }
    weight = Entry("sample_weight", "data", (None,), known_outside=True)
    return {**tensors, "sample_weight": tf.ones(6)}, Scope([*entries, weight])


def test_the_divergence_of_an_autoencoder(registry):
    tensors, scope = of({"mean": (4,), "log_variance": (4,)})
    ours = worth(
        "0.5*value_sum(exp(log_variance) + square(mean) - 1 - log_variance)",
        registry,
        tensors,
        scope,
    )
    mean, log_variance = tensors["mean"], tensors["log_variance"]
    plain = -0.5 * tf.reduce_sum(1 + log_variance - tf.square(mean) - tf.exp(log_variance), axis=1)
    np.testing.assert_allclose(ours, tf.reduce_mean(plain), rtol=1e-5)


def test_the_gap_of_a_critic(registry):
    tensors, scope = of({"generated": (1,), "real": (1,)})
    ours = worth("value(generated - real)", registry, tensors, scope)
    plain = tf.reduce_mean(tensors["generated"]) - tf.reduce_mean(tensors["real"])
    np.testing.assert_allclose(ours, plain, rtol=1e-4)


def test_a_boundary_loss(registry):
    tensors, scope = of({"probs": (8, 8, 1), "distance": (8, 8, 1)})
    ours = worth("0.1*value(probs*distance)", registry, tensors, scope)
    plain = 0.1 * tf.reduce_mean(tensors["probs"] * tensors["distance"])
    np.testing.assert_allclose(ours, plain, rtol=1e-4)


def test_a_policy_gradient(registry):
    tensors, scope = of({"policy": (5, 7), "advantage": ()})
    tokens = np.random.default_rng(2).integers(0, 7, size=(6, 5))
    tensors["actions"] = tf.constant(tokens)
    entries = [scope.get(name) for name in ("policy", "advantage", "sample_weight")]
    scope = Scope([*entries, Entry("actions", "data", (None, 5), known_outside=True)])
    ours = worth(
        "value(-stop_gradient(advantage)*log_prob(policy, actions))", registry, tensors, scope
    )
    chosen = -keras.losses.sparse_categorical_crossentropy(
        tokens, tensors["policy"], from_logits=True
    )
    plain = -tf.reduce_mean(tensors["advantage"] * tf.reduce_sum(chosen, axis=1))
    np.testing.assert_allclose(ours, plain, rtol=1e-5)


def test_one_minus_is_one_term(registry):
    """A Welsch loss written out: 1 - exp(-r²/2)."""
    tensors = {k: v if isinstance(v, dict) else tf.constant(v) for k, v in TENSORS.items()}
    objective = Objective("1 - exp(-mse(hidden1, hidden2)/2)", registry, SCOPE)
    outcome = objective(tensors)
    squares = np.square(HIDDEN - HIDDEN[::-1]).mean(1)
    np.testing.assert_allclose(outcome.total, np.mean(1 - np.exp(-squares / 2)), rtol=1e-5)
    assert len(outcome.terms) == 1


def test_it_has_a_sign(registry):
    tensors = {k: v if isinstance(v, dict) else tf.constant(v) for k, v in TENSORS.items()}
    np.testing.assert_allclose(
        worth("value(-logits)", registry, tensors, SCOPE), -LOGITS.mean(), rtol=1e-5
    )
