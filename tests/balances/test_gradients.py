"""Balances by gradients against published values, scipy's optimizers and what has to hold of them.

The values for J are those that TorchJD prints in its tests of aggregators
(github.com/TorchJD/torchjd, tests/unit/aggregation/test_values.py), to the digits given there.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import LinearConstraint, minimize

from tfloss import tf
from tfloss.objective.gradients import sizes_of
from tfloss_balances.bargaining import fairgrad, nash
from tfloss_balances.common_descent import aligned, cagrad, dual_proj, imtl_g, mgda, upgrad
from tfloss_balances.conflicts import gradvac, pcgrad
from tfloss_balances.norms import annealed, gradnorm

from .state import Kept

J = np.array([[-4.0, 1, 1], [6, 1, 1]])
PUBLISHED = [
    (mgda, (0, 1, 1)),
    (pcgrad, (0.5848, 3.8012, 3.8012)),
    (gradvac, (0.5848, 3.8012, 3.8012)),
    (upgrad, (0.2929, 1.9004, 1.9004)),
    (dual_proj, (0.5563, 1.1109, 1.1109)),
    (cagrad, (0.1835, 1.2041, 1.2041)),
    (imtl_g, (0.0767, 1, 1)),
    (aligned, (0.2133, 0.9673, 0.9673)),
    (fairgrad, (0.0766, 0.9985, 0.9985)),
    (nash, (0.0542, 0.7061, 0.7061)),
]
BY_GRAMIAN = [balance for balance, _ in PUBLISHED]


def weights_of(balance, jacobian, **settings):
    more = {"state": Kept(balance, len(jacobian))} if balance.state is not None else {}
    if "step" in balance.signature.positional:
        more["step"] = tf.constant(3.0)

    @tf.function
    def compiled(gramian):
        return balance(gramian=gramian, **more, **settings)

    return np.asarray(compiled(tf.constant(jacobian @ jacobian.T, tf.float32)), float)


@pytest.mark.parametrize(("balance", "direction"), PUBLISHED, ids=lambda v: getattr(v, "name", ""))
def test_published_directions(balance, direction):
    # TorchJD adds 1e-4 to the diagonal before it solves for these two; here nothing is added.
    digits = 1e-3 if balance in (upgrad, dual_proj) else 1e-4
    np.testing.assert_allclose(weights_of(balance, J) @ J, direction, atol=digits)


@pytest.mark.parametrize("balance", [mgda, upgrad, cagrad, nash], ids=lambda v: v.name)
def test_the_same_under_xla(balance):
    gramian = tf.constant(J @ J.T, tf.float32)
    compiled = tf.function(balance, jit_compile=True)(gramian=gramian)
    np.testing.assert_allclose(compiled, weights_of(balance, J), rtol=1e-4)


def many(members=4, width=9, seed=0):
    return np.random.default_rng(seed).normal(size=(members, width))


@pytest.mark.parametrize("balance", [mgda, upgrad, dual_proj], ids=lambda v: v.name)
@pytest.mark.parametrize("seed", range(4))
def test_no_member_rises(balance, seed):
    jacobian = many(5, 4, seed)  # more members than weights: they are in conflict
    direction = weights_of(balance, jacobian) @ jacobian
    assert np.min(jacobian @ direction) > -1e-3


@pytest.mark.parametrize("balance", BY_GRAMIAN, ids=lambda v: v.name)
def test_the_order_of_members_is_theirs(balance):
    if balance in (pcgrad, gradvac):
        pytest.skip("these go through the others in an order, which is part of the method")
    jacobian, order = many(), np.array([2, 0, 3, 1])
    np.testing.assert_allclose(
        weights_of(balance, jacobian[order]), weights_of(balance, jacobian)[order], atol=2e-3
    )


@pytest.mark.parametrize("balance", BY_GRAMIAN, ids=lambda v: v.name)
@pytest.mark.parametrize("scale", [1e-6, 1e4])
def test_large_and_small_gradients_are_finite(balance, scale):
    assert np.all(np.isfinite(weights_of(balance, many() * scale)))


@pytest.mark.parametrize("balance", BY_GRAMIAN, ids=lambda v: v.name)
def test_no_gradient_at_all_is_finite(balance):
    assert np.all(np.isfinite(weights_of(balance, np.zeros((3, 2)))))


@pytest.mark.parametrize("seed", range(3))
def test_mgda_is_the_shortest_mean(seed):
    jacobian = many(4, 5, seed) + 0.5
    gramian = jacobian @ jacobian.T
    found = minimize(
        lambda w: w @ gramian @ w,
        np.full(4, 0.25),
        jac=lambda w: 2 * gramian @ w,
        bounds=[(0, 1)] * 4,
        constraints=LinearConstraint(np.ones(4), 1, 1),
        method="SLSQP",
        options={"ftol": 1e-14},
    )
    ours = weights_of(mgda, jacobian)
    np.testing.assert_allclose(ours @ gramian @ ours, found.fun, rtol=1e-3)


@pytest.mark.parametrize("c", [0.2, 0.8, 2.0])
def test_cagrad_is_the_least_of_its_dual(c):
    jacobian = many(4, 5, 1)
    gramian, mean = jacobian @ jacobian.T, np.full(4, 0.25)
    radius = c * np.sqrt(mean @ gramian @ mean)

    def dual(w):
        return w @ gramian @ mean + radius * np.sqrt(w @ gramian @ w)

    best = min(
        (
            minimize(
                dual,
                start,
                bounds=[(0, 1)] * 4,
                constraints=LinearConstraint(np.ones(4), 1, 1),
                method="SLSQP",
                options={"ftol": 1e-14},
            )
            for start in (mean, [0.7, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.7])
        ),
        key=lambda found: found.fun,
    )
    w = best.x
    expected = mean + w * radius / np.sqrt(w @ gramian @ w)
    np.testing.assert_allclose(
        weights_of(cagrad, jacobian, c=c) @ jacobian, expected @ jacobian, atol=5e-3
    )


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_fairgrad_solves_its_equation(alpha):
    jacobian = many(3, 6, 2)
    weights = weights_of(fairgrad, jacobian, alpha=alpha)
    np.testing.assert_allclose(
        (jacobian @ jacobian.T @ weights) ** alpha * weights, np.ones(3), rtol=1e-3
    )


def test_nash_and_imtl_g_do_not_see_a_members_scale():
    jacobian = many(3, 6, 3)
    scaled = jacobian * np.array([[1], [100], [1]])
    for balance in (imtl_g, nash):
        one = weights_of(balance, jacobian) @ jacobian
        other = weights_of(balance, scaled) @ scaled
        cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
        np.testing.assert_allclose(cosine, 1, rtol=1e-4)


def test_pcgrad_leaves_gradients_alone_that_agree():
    np.testing.assert_allclose(weights_of(pcgrad, np.eye(3)), np.ones(3))


def test_gradnorm_without_alpha_comes_to_rest_at_gradients_of_one_length():
    state = Kept(gradnorm, 2)
    gramian = tf.constant(J @ J.T, tf.float32)
    for _ in range(400):
        weights = gradnorm(tf.constant([1.0, 1.0]), gramian, alpha=0.0, rate=0.002, state=state)
    np.testing.assert_allclose(weights, [1.1847, 0.8153], atol=0.02)


def test_annealed_is_the_running_ratio_of_the_paper():
    """Largest entry 3 over means of 0.75 and 0.05: 4 and 60, a tenth of it in each step."""
    state = Kept(annealed, 3)
    largest, mean = tf.constant([3.0, 1.0, 0.1]), tf.constant([2.0, 0.75, 0.05])
    expected = np.ones(2)
    for _ in range(3):
        weights = annealed(largest, mean, state=state)
        expected = 0.9 * expected + 0.1 * np.array([4, 60])
        np.testing.assert_allclose(weights, [1, *expected], rtol=1e-5)
    assert np.all(np.isfinite(annealed(largest, tf.zeros(3), state=state)))


def test_the_sizes_of_gradients_are_over_all_weights():
    random = np.random.default_rng(0)
    rows = [[random.normal(size=(2, 3)), random.normal(size=4)] for _ in range(2)]
    largest, mean = sizes_of([[tf.constant(one, tf.float32) for one in row] for row in rows])
    flat = np.abs([np.concatenate([np.ravel(one) for one in row]) for row in rows])
    np.testing.assert_allclose(largest, flat.max(1), rtol=1e-6)
    np.testing.assert_allclose(mean, flat.mean(1), rtol=1e-6)
