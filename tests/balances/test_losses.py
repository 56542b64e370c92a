"""Balances by losses alone, against values worked out by hand and against plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from tfloss import tf
from tfloss_balances.from_losses import cov, dwa, gls, random_weights, relobralo, softadapt
from tfloss_balances.learned import imtl_l, uncertainty
from tfloss_balances.progress import famo

from .state import Kept

LOSSES = tf.constant([1.0, 2.0, 4.0])


def test_uncertainty_and_imtl_l_at_their_start():
    for balance, expected in ((uncertainty, 3.5), (imtl_l, 7.0)):
        weights, added = balance(LOSSES, state=Kept(balance, 3))
        assert float(tf.reduce_sum(weights * LOSSES) + added) == pytest.approx(expected)


@pytest.mark.parametrize(("balance", "sign"), [(uncertainty, 1), (imtl_l, -1)])
def test_their_best_scale_is_the_logarithm_of_the_loss(balance, sign):
    s = tf.constant(sign * np.log(LOSSES.numpy()))
    with tf.GradientTape() as tape:
        tape.watch(s)
        weights, added = balance(LOSSES, state={"s": s})
        total = tf.reduce_sum(weights * LOSSES) + added
    np.testing.assert_allclose(tape.gradient(total, s), np.zeros(3), atol=1e-6)


def test_gls_is_the_gradient_of_the_geometric_mean():
    x = tf.constant([1.0, 2.0, 4.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        mean = tf.reduce_prod(x) ** (1 / 3)
    np.testing.assert_allclose(gls(LOSSES), tape.gradient(mean, x), rtol=1e-5)
    assert float(tf.reduce_sum(gls(LOSSES) * LOSSES)) == pytest.approx(2.0)


@pytest.mark.parametrize("balance", [gls, famo], ids=lambda v: v.name)
def test_a_loss_of_zero_is_finite(balance):
    held = {} if balance.state is None else {"state": Kept(balance, 3)}
    for _ in range(2):
        assert np.all(np.isfinite(balance(tf.constant([0.0, 1.0, 1e4]), **held)))


def test_dwa_by_the_means_of_two_epochs():
    """Epoch means (2, 2), then (1, 2): the rates are ½ and 1, T = 2."""
    state = Kept(dwa, 2)
    first, second = [(1.0, 3.0), (3.0, 1.0)], [(0.5, 2.0), (1.5, 2.0)]
    for epoch in (first, second):
        for number, losses in enumerate(epoch):
            weights = dwa(tf.constant(losses), tf.constant(number == 0), state=state)
            np.testing.assert_allclose(weights, [1, 1], rtol=1e-6)
    weights = dwa(tf.constant([9.0, 9.0]), tf.constant(True), state=state)
    np.testing.assert_allclose(weights, [0.8756, 1.1244], atol=1e-4)


def test_random_weights_are_a_draw_for_each_step():
    draws = np.array([random_weights(LOSSES, tf.constant(float(k))) for k in range(400)])
    np.testing.assert_allclose(draws.sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(draws.mean(0), np.full(3, 1 / 3), atol=0.05)
    np.testing.assert_array_equal(draws[7], random_weights(LOSSES, tf.constant(7.0)))
    assert len(np.unique(draws[:, 0])) == 400


def test_cov_is_the_deviation_of_the_ratios_over_their_mean():
    random = np.random.default_rng(0)
    course = random.uniform(0.5, 3, size=(12, 3))
    state = Kept(cov, 3)
    for losses in course:
        weights = cov(tf.constant(losses, tf.float32), state=state)
    ratios = [losses / (course[:t].mean(0) if t else losses) for t, losses in enumerate(course)]
    expected = np.std(ratios, axis=0) / np.mean(ratios, axis=0)
    np.testing.assert_allclose(weights, expected / expected.sum(), rtol=1e-4)


def test_softadapt_is_the_softmax_of_the_last_change():
    state = Kept(softadapt, 3)
    np.testing.assert_allclose(softadapt(LOSSES, state=state), np.full(3, 1 / 3), rtol=1e-6)
    now = np.array([1.5, 1.0, 4.0])
    found = softadapt(tf.constant(now, tf.float32), beta=2.0, state=state)
    np.testing.assert_allclose(found, softmax(2 * (now - LOSSES.numpy())), rtol=1e-5)


def test_relobralo_without_chance_is_its_recursion():
    random = np.random.default_rng(1)
    course = random.uniform(0.5, 3, size=(6, 3))
    state, expected, last = Kept(relobralo, 3), np.ones(3), course[0]
    for number, losses in enumerate(course):
        found = relobralo(
            tf.constant(losses, tf.float32),
            tf.constant(float(number)),
            alpha=0.9,
            rho=1.0,
            state=state,
        )
        if number:
            expected = 0.9 * expected + 0.1 * 3 * softmax(losses / last)
        last = losses
        np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_famo_begins_in_inverse_proportion_to_the_losses():
    """Shares of ½ over losses of 1 and 2, and c = 4/3: two thirds and one third."""
    losses = tf.constant([1.0, 2.0])
    np.testing.assert_allclose(famo(losses, state=Kept(famo, 2)), [2 / 3, 1 / 3], rtol=1e-6)


def test_famo_is_the_recursion_of_the_paper():
    """Adam with weight decay on the logits, against the fall of each logarithm, in numpy."""
    random = np.random.default_rng(3)
    course = np.exp(np.cumsum(random.normal(-0.1, 0.2, size=(8, 3)), axis=0)) * [1, 5, 0.1]
    state = Kept(famo, 3)
    logits, first, second = np.zeros(3), np.zeros(3), np.zeros(3)
    for step, losses in enumerate(course):
        if step:
            shares = softmax(logits)
            jacobian = np.diag(shares) - np.outer(shares, shares)
            slope = jacobian @ (np.log(course[step - 1]) - np.log(losses)) + 0.02 * logits
            first = 0.9 * first + 0.1 * slope
            second = 0.999 * second + 0.001 * slope**2
            root = np.sqrt(second / (1 - 0.999**step)) + 1e-8
            logits = logits - 0.05 * first / (1 - 0.9**step) / root
        expected = softmax(logits) / losses
        found = famo(tf.constant(losses, tf.float32), rate=0.05, gamma=0.02, state=state)
        np.testing.assert_allclose(found, expected / expected.sum(), rtol=2e-4)
    assert np.ptp(logits) > 0.02


def test_famo_gives_less_to_what_fell_most():
    state = Kept(famo, 2)
    famo(tf.constant([1.0, 1.0]), state=state)
    weights = famo(tf.constant([0.5, 0.5]), state=state).numpy()
    np.testing.assert_allclose(weights, [0.5, 0.5], rtol=1e-5)
    famo(tf.constant([0.05, 0.5]), state=state)
    assert state["logits"][0] < state["logits"][1]
