"""Sparse softmaxes against scipy's optimisers, ordinal scores against scikit-learn and loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special
from sklearn.metrics import cohen_kappa_score

from tfloss_losses import sparse
from tfloss_losses.classification import ce
from tfloss_losses.sparse import (
    corn,
    entmax,
    ranked_probability,
    sord,
    sparsemax,
    weighted_kappa,
)

from .checks import of
from .oracles import assert_agrees, assert_passes_the_kit

RANDOM = np.random.default_rng(0)
CLASSES = np.array([0, 1, 2, 3, 1, 2, 0])
Y, Z = np.eye(4)[CLASSES], RANDOM.normal(size=(7, 4))
DATA = {"labels": Y, "logits": Z}


@pytest.mark.parametrize("loss", sparse.tfloss_losses(), ids=lambda loss: loss.name)
def test_the_kit(loss):
    assert_passes_the_kit(loss)


@pytest.mark.parametrize("alpha", [1.25, 1.5, 2.0, 3.0])
def test_entmax_is_the_best_that_scipy_finds(alpha):
    expected = []
    for z, y in zip(Z, CLASSES, strict=True):

        def lost(p, z=z):
            return -(p @ z + np.sum(p - np.maximum(p, 0) ** alpha) / (alpha * (alpha - 1)))

        best = optimize.minimize(
            lost,
            np.full(4, 0.25),
            bounds=[(0, 1)] * 4,
            constraints={"type": "eq", "fun": lambda p: p.sum() - 1},
            options={"ftol": 1e-14, "maxiter": 500},
        )
        expected.append(-best.fun - z[y])
    assert_agrees(entmax, DATA, expected, alpha=alpha, rtol=1e-5)


def test_sparsemax_by_sorting():
    """Algorithm 1 and the loss of Martins and Astudillo 2016."""
    expected = []
    for z, y in zip(Z, CLASSES, strict=True):
        falling = np.sort(z)[::-1]
        k = max(k for k in range(1, 5) if 1 + k * falling[k - 1] > falling[:k].sum())
        tau = (falling[:k].sum() - 1) / k
        expected.append(-z[y] + 0.5 * np.sum(z[z > tau] ** 2 - tau**2) + 0.5)
    assert_agrees(sparsemax, DATA, expected)


def test_near_order_one_it_is_the_cross_entropy():
    assert_agrees(entmax, DATA, of(ce, DATA), alpha=1.001, rtol=5e-3)


def test_ordered_classes():
    p, places = special.softmax(Z, axis=1), np.arange(4)
    soft = special.softmax(-(np.abs(places - CLASSES[:, None]) ** 2) / 0.6, axis=1)
    assert_agrees(sord, DATA, -np.sum(soft * np.log(p), axis=1), scale=0.6, power=2.0)
    gap = np.cumsum(p, axis=1) - (places >= CLASSES[:, None])
    assert_agrees(ranked_probability, DATA, np.sum(gap**2, axis=1))
    chances = special.expit(Z[:, :3])
    expected = [
        -np.sum(np.log(row[:k])) - (np.log(1 - row[k]) if k < 3 else 0)
        for row, k in zip(chances, CLASSES, strict=True)
    ]
    assert_agrees(corn, {"labels": Y, "logits": Z[:, :3]}, expected)


@pytest.mark.parametrize(("power", "name"), [(1.0, "linear"), (2.0, "quadratic")])
def test_certain_answers_give_scikit_learns_kappa(power, name):
    truth, said = RANDOM.integers(0, 4, size=(2, 50))
    kappa = cohen_kappa_score(truth, said, weights=name)
    given = {"labels": np.eye(4)[truth], "logits": 1e3 * np.eye(4)[said]}
    assert_agrees(weighted_kappa, given, 1 - kappa, power=power)
