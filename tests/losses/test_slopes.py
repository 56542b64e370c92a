"""Penalties on slopes: numpy's norms, and closed forms through `grad` and `jacobian`."""

from __future__ import annotations

import numpy as np
import pytest

from tfloss import tf
from tfloss.objective import Entry, Objective, Scope
from tfloss.registry import load_registry
from tfloss_losses.slopes import gradient_penalty, jacobian_penalty

from .checks import assert_derivative, assert_finite_and_equal_modes, case, of
from .oracles import assert_agrees

ALL = (gradient_penalty, jacobian_penalty)
RANDOM = np.random.default_rng(0)
SLOPES = RANDOM.normal(size=(5, 3))
ODD = np.outer([0, 1e-30, 1, 1e4, -1e4], [1.0, 0.5, 0.0])
FAMILY = (
    *(case(loss, "moderate", {"slopes": SLOPES}) for loss in ALL),
    *(case(loss, "extreme", {"slopes": ODD}) for loss in ALL),
)


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    assert_finite_and_equal_modes(FAMILY, chosen)


@pytest.mark.parametrize("chosen", FAMILY[:2], ids=str)
def test_derivative(chosen):
    assert_derivative(chosen)


@pytest.mark.parametrize("target", [0.0, 1.0, 2.5])
def test_the_length_is_numpys(target):
    for slopes in (SLOPES, ODD, SLOPES.reshape(5, 3, 1)):
        lengths = np.linalg.norm(slopes.reshape(5, 3), axis=1)
        found = of(gradient_penalty, {"slopes": slopes}, target=target)
        np.testing.assert_allclose(found, (lengths - target) ** 2, atol=1e-12)


def test_the_frobenius_norm_is_numpys():
    for slopes in (SLOPES, SLOPES.reshape(5, 3, 1)):
        squares = np.linalg.norm(slopes.reshape(5, 3), axis=1) ** 2
        assert_agrees(jacobian_penalty, {"slopes": slopes}, squares)


def test_a_target_below_zero_is_refused():
    with pytest.raises(ValueError, match="target"):
        of(gradient_penalty, {"slopes": SLOPES}, target=-1.0)


X = RANDOM.normal(size=(5, 2)).astype(np.float32)
W = RANDOM.normal(size=(2, 3)).astype(np.float32)


def total(formula):
    """On logits tanh(X W), whose Jacobian is known."""
    scope = Scope([Entry("inputs", "student", (None, 2)), Entry("logits", "student", (None, 3))])
    objective = Objective(formula, load_registry(), scope)

    @tf.function
    def run(inputs):
        return objective({"inputs": inputs, "logits": tf.tanh(inputs @ W)}).total

    return float(run(tf.constant(X)))


def jacobians():
    slope = 1 - np.tanh(X @ W) ** 2
    return slope[:, :, None] * W.T[None]


def test_through_grad_it_is_the_length_of_the_sum_of_the_rows():
    lengths = np.linalg.norm(jacobians().sum(axis=1), axis=1)
    ours = total("gradient_penalty(grad(logits, inputs))")
    assert ours == pytest.approx(np.mean((lengths - 1) ** 2), rel=1e-5)


def test_through_jacobian_it_is_the_frobenius_norm():
    expected = np.mean(np.sum(jacobians() ** 2, axis=(1, 2)))
    assert total("jacobian_penalty(jacobian(logits, inputs))") == pytest.approx(expected, rel=1e-5)
