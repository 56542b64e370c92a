"""Distillation of maps against the papers' equations, scipy and numpy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from tfloss_losses import feature_maps
from tfloss_losses.feature_maps import (
    activation_boundary,
    channel_wise,
    factor_match,
    generalised_js,
    hierarchical_context,
    neuron_selectivity,
    overhaul,
    pearson_maps,
    universal_logit,
    weighted_soft_labels,
)

from .oracles import assert_agrees, assert_passes_the_kit

RANDOM = np.random.default_rng(0)
T, S = RANDOM.normal(size=(2, 3, 8, 6, 2))
DATA = {"teacher_maps": T, "maps": S}
Q, LOGITS = special.softmax(RANDOM.normal(size=(9, 4)), axis=1), RANDOM.normal(size=(9, 4))
P, Y = special.softmax(LOGITS, axis=1), np.eye(4)[np.arange(9) % 4]


@pytest.mark.parametrize(
    "loss",
    [loss for loss in feature_maps.tfloss_losses() if loss is not hierarchical_context],
    ids=lambda loss: loss.name,
)
def test_the_kit(loss):
    assert_passes_the_kit(loss)


def test_the_kit_on_images():
    assert_passes_the_kit(hierarchical_context, without="gradient equals finite differences")


def test_channel_wise_is_scipys_divergence():
    q, p = (special.softmax(x.reshape(3, 48, 2) / 3, axis=1) for x in (T, S))
    expected = 9 * stats.entropy(q, p, axis=1).mean(axis=1)
    assert_agrees(channel_wise, DATA, expected, temperature=3.0)


def test_pearson_is_scipys_correlation():
    expected = [
        np.mean([1 - stats.pearsonr(t[..., c].ravel(), s[..., c].ravel())[0] for c in range(2)])
        for t, s in zip(T, S, strict=True)
    ]
    assert_agrees(pearson_maps, DATA, expected)


def test_activations():
    cost = np.where(T > 0, np.maximum(0, 0.7 - S) ** 2, np.maximum(0, S + 0.7) ** 2)
    assert_agrees(activation_boundary, DATA, cost.mean(axis=(1, 2, 3)), margin=0.7)
    target = np.maximum(T, -0.3)
    cost = np.where((target >= S) & (T <= 0), 0, (target - S) ** 2)
    assert_agrees(overhaul, DATA, cost.mean(axis=(1, 2, 3)), margin=-0.3)


def test_factors_and_patterns():
    t, s = (x.reshape(3, -1) / np.linalg.norm(x.reshape(3, -1), axis=1)[:, None] for x in (T, S))
    assert_agrees(factor_match, DATA, np.sum((t - s) ** 2, axis=1))
    expected = []
    for a, b in zip(T.reshape(3, 48, 2), S.reshape(3, 48, 2), strict=True):
        a, b = a / np.linalg.norm(a, axis=0), b / np.linalg.norm(b, axis=0)
        kernels = [np.mean((x.T @ y) ** 2) for x, y in ((a, a), (b, b), (a, b))]
        expected.append(kernels[0] + kernels[1] - 2 * kernels[2])
    assert_agrees(neuron_selectivity, DATA, expected)


def test_hierarchical_context():
    def grid(x, n):  # six columns in four cells overlap: 0-1, 1-2, 3-4, 4-5
        rows = [slice(i * 8 // n, -(-(i + 1) * 8 // n)) for i in range(n)]
        columns = [slice(i * 6 // n, -(-(i + 1) * 6 // n)) for i in range(n)]
        return np.array([[x[:, r, c].mean(axis=(1, 2)) for c in columns] for r in rows])

    total = ((T - S) ** 2).mean(axis=(1, 2, 3))
    for weight, n in ((0.5, 4), (0.25, 2), (0.125, 1)):
        total += weight * ((grid(T, n) - grid(S, n)) ** 2).mean(axis=(0, 1, 3))
    assert_agrees(hierarchical_context, DATA, total / 1.875)


def test_weighted_soft_labels():
    ratio = np.sum(Y * np.log(P), axis=1) / np.sum(Y * np.log(Q), axis=1)
    soft = special.softmax(np.log(Q) / 2, axis=1)
    cross = -np.sum(soft * special.log_softmax(LOGITS / 2, axis=1), axis=1)
    given = {"labels": Y, "teacher": Q, "logits": LOGITS}
    assert_agrees(weighted_soft_labels, given, (1 - np.exp(-ratio)) * 4 * cross)


def test_mixtures_and_sorted_chances():
    given = {"teacher": Q, "logits": LOGITS}
    middle = 0.3 * Q + 0.7 * P
    expected = 0.3 * stats.entropy(Q, middle, axis=1) + 0.7 * stats.entropy(P, middle, axis=1)
    assert_agrees(generalised_js, given, expected, beta=0.3)
    expected = np.abs(np.sort(Q, axis=1) - np.sort(P, axis=1)).sum(axis=1)
    assert_agrees(universal_logit, given, expected)
