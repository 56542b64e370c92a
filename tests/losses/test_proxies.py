"""Proxy losses against the papers' sums, in numpy loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from tfloss_losses import proxies
from tfloss_losses.proxies import (
    proxy_anchor,
    proxy_nca,
    soft_triple,
    sphereface,
    sub_centre_arcface,
)

from .oracles import assert_agrees, assert_passes_the_kit

RANDOM = np.random.default_rng(0)
CLASSES = np.array([0, 1, 2, 0, 1])
ROWS, PLACES = RANDOM.normal(size=(5, 4)), RANDOM.normal(size=(3, 4))
SEVERAL = RANDOM.normal(size=(3, 2, 4))


def given(held, **more):
    return {
        "labels": np.eye(3)[CLASSES], "embedding": ROWS, "state": {"proxies": held}, **more
    }  # fmt: skip


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.mark.parametrize("loss", proxies.tfloss_losses(), ids=lambda loss: loss.name)
def test_the_kit(loss):
    assert_passes_the_kit(loss)


def test_proxy_nca_leaves_the_own_class_out_of_the_sum():
    expected = []
    for x, y in zip(unit(ROWS), CLASSES, strict=True):
        apart = np.sum((x - unit(PLACES)) ** 2, axis=1) * 3
        others = [np.exp(-apart[c]) for c in range(3) if c != y]
        expected.append(-np.log(np.exp(-apart[y]) / np.sum(others)))
    assert_agrees(proxy_nca, given(PLACES), expected, scale=3.0)


def test_proxy_anchor_by_proxies():
    cosines, weight = unit(ROWS) @ unit(PLACES).T, np.array([1.0, 1, 0, 2, 1])
    pull, push = [], []
    for c in range(3):
        like = np.sum((weight * np.exp(-8 * (cosines[:, c] - 0.2)))[c == CLASSES])
        pull += [np.log1p(like)] * bool(weight[c == CLASSES].sum())
        push.append(np.log1p(np.sum((weight * np.exp(8 * (cosines[:, c] + 0.2)))[c != CLASSES])))
    expected = np.mean(pull) + np.mean(push)
    data = given(PLACES, sample_weight=weight)
    assert_agrees(proxy_anchor, data, expected, alpha=8.0, margin=0.2)


def test_soft_triple_by_centres():
    held, expected = unit(SEVERAL), []
    for x, y in zip(unit(ROWS), CLASSES, strict=True):
        products = held @ x
        near = np.sum(special.softmax(products / 0.3, axis=1) * products, axis=1)
        near[y] -= 0.05
        expected.append(special.logsumexp(7 * near) - 7 * near[y])
    spread = np.mean(np.linalg.norm(held[:, 0] - held[:, 1], axis=1))
    settings = {"centres": 2, "scale": 7.0, "gamma": 0.3, "margin": 0.05, "regularisation": 0.4}
    assert_agrees(soft_triple, given(SEVERAL), np.array(expected) + 0.4 * spread, **settings)


def test_sub_centre_arcface_takes_the_nearest_direction():
    expected = []
    for x, y in zip(unit(ROWS), CLASSES, strict=True):
        angle = np.arccos(np.max(unit(SEVERAL) @ x, axis=1))
        score = 5 * np.cos(angle)
        score[y] = 5 * np.cos(angle[y] + 0.3)
        expected.append(special.logsumexp(score) - score[y])
    settings = {"centres": 2, "scale": 5.0, "margin": 0.3}
    assert_agrees(sub_centre_arcface, given(SEVERAL), expected, **settings)


@pytest.mark.parametrize("margin", [1, 2, 3, 4])
def test_sphereface_multiplies_the_angle(margin):
    angle = np.arccos(unit(ROWS) @ unit(PLACES).T)
    turn = np.floor(angle * margin / np.pi)
    harder = (-1) ** turn * np.cos(margin * angle) - 2 * turn
    expected = []
    for x, y, theta, hard in zip(ROWS, CLASSES, angle, harder, strict=True):
        score = np.linalg.norm(x) * np.cos(theta)
        score[y] = np.linalg.norm(x) * hard[y]
        expected.append(special.logsumexp(score) - score[y])
    assert_agrees(sphereface, given(PLACES), expected, margin=margin)
