"""Metric learning against the papers' sums over pairs in loops."""

from __future__ import annotations

import numpy as np
import pytest

from tfloss import tf
from tfloss_losses import metric_learning
from tfloss_losses.metric_learning import (
    angular,
    fast_ap,
    intra_pair_variance,
    lifted_structure,
    margin_pairs,
    multi_similarity,
    nca,
    ranked_list,
    snr_contrastive,
    tuplet_margin,
)

from .checks import of
from .oracles import assert_agrees, assert_passes_the_kit

RANDOM = np.random.default_rng(0)
Y = np.array([0, 1, 2, 0, 1, 0, 2, 1])
N = len(Y)
F = RANDOM.normal(size=(N, 3))
U = F / np.linalg.norm(F, axis=1, keepdims=True)
DATA = {"labels": Y[:, None].astype(float), "embedding": F}
UNIT = DATA | {"embedding": U}
S = U @ U.T
D = np.linalg.norm(F[:, None] - F[None], axis=-1)
LIKE = (Y[:, None] == Y[None]) & ~np.eye(N, dtype=bool)
UNLIKE = Y[:, None] != Y[None]
PAIRS = list(zip(*np.nonzero(LIKE), strict=True))


@pytest.mark.parametrize("loss", metric_learning.tfloss_losses(), ids=lambda loss: loss.name)
def test_the_kit(loss):
    assert_passes_the_kit(loss)


@pytest.mark.parametrize("loss", metric_learning.tfloss_losses(), ids=lambda loss: loss.name)
def test_one_hot_labels_are_class_numbers(loss):
    assert of(loss, DATA | {"labels": np.eye(3)[Y]}) == pytest.approx(of(loss, DATA))


def test_multi_similarity():
    total = 0.0
    for i in range(N):
        total += np.log1p(np.sum(np.exp(-2 * (S[i, LIKE[i]] - 0.4)))) / 2
        total += np.log1p(np.sum(np.exp(30 * (S[i, UNLIKE[i]] - 0.4)))) / 30
    assert_agrees(multi_similarity, DATA, total / N, beta=30.0, base=0.4)


def test_lifted_structure():
    found = []
    for i, j in PAIRS:
        both = np.sum(np.exp(0.8 - D[i, UNLIKE[i]])) + np.sum(np.exp(0.8 - D[j, UNLIKE[j]]))
        found.append(max(0, D[i, j] + np.log(both)) ** 2)
    assert_agrees(lifted_structure, DATA, np.mean(found) / 2, margin=0.8)


def test_neighbourhood_components():
    near = np.exp(-(D**2) / 1.5) * ~np.eye(N, dtype=bool)
    expected = -np.mean(np.log((near * LIKE).sum(axis=1) / near.sum(axis=1)))
    assert_agrees(nca, DATA, expected, temperature=1.5)


def test_margin_of_all_pairs():
    beyond = np.linalg.norm(U[:, None] - U[None], axis=-1) - 1.2
    cost = np.where(LIKE, np.maximum(0, 0.2 + beyond), np.maximum(0, 0.2 - beyond))
    assert_agrees(margin_pairs, UNIT, cost[~np.eye(N, dtype=bool)].mean())


def test_angular():
    square, found = np.tan(0.6) ** 2, []
    for a, p in PAIRS:
        others = [
            np.exp(4 * square * (U[a] + U[p]) @ U[n] - 2 * (1 + square) * U[a] @ U[p])
            for n in np.flatnonzero(UNLIKE[a])
        ]
        found.append(np.log1p(np.sum(others)))
    assert_agrees(angular, DATA, np.mean(found), angle=0.6)


def test_tuplet_margin():
    found = []
    for i, j in PAIRS:
        slack = np.cos(np.arccos(S[i, j]) - 0.2)
        found.append(np.log1p(np.sum(np.exp(8 * (S[i, UNLIKE[i]] - slack)))))
    assert_agrees(tuplet_margin, DATA, np.mean(found), margin=0.2, scale=8.0)


def test_signal_to_noise():
    ratio = np.array([[np.var(F[i] - F[j]) / np.var(F[i]) for j in range(N)] for i in range(N)])
    expected = np.maximum(ratio - 0.01, 0)[LIKE].mean() + np.maximum(0.2 - ratio, 0)[UNLIKE].mean()
    assert_agrees(snr_contrastive, DATA, expected + 0.1 * np.abs(F.sum(axis=1)).mean())


def test_ranked_list():
    distance, total = np.linalg.norm(U[:, None] - U[None], axis=-1), 0.0
    for i in range(N):
        far = [distance[i, j] - 0.8 for j in np.flatnonzero(LIKE[i]) if distance[i, j] > 0.8]
        near = [1.2 - distance[i, j] for j in np.flatnonzero(UNLIKE[i]) if distance[i, j] < 1.2]
        weights = np.exp(10 * np.array(near))
        total += 0.5 * np.mean(far) if far else 0
        total += 0.5 * np.sum(weights / weights.sum() * near) if near else 0
    assert_agrees(ranked_list, UNIT, total / N)


def test_fast_ap_by_its_histograms():
    total, middles = 0.0, np.linspace(0, 4, 11)
    for i in range(N):
        member = np.maximum(0, 1 - np.abs((2 - 2 * S[i])[:, None] - middles) / 0.4)
        likes, everybody = member[LIKE[i]].sum(axis=0), member[LIKE[i] | UNLIKE[i]].sum(axis=0)
        so_far, of_all = np.cumsum(likes), np.cumsum(everybody)
        total += np.sum(likes * so_far / np.where(of_all > 0, of_all, 1)) / LIKE[i].sum()
    assert_agrees(fast_ap, DATA, 1 - total / N)


def test_intra_pair_variance():
    low, high = 0.9 * S[LIKE].mean() - S[LIKE], S[UNLIKE] - 1.2 * S[UNLIKE].mean()
    expected = np.mean(np.maximum(low, 0) ** 2) + np.mean(np.maximum(high, 0) ** 2)
    assert_agrees(intra_pair_variance, DATA, expected, slack_like=0.1, slack_unlike=0.2)


def test_triples_that_do_not_fit_are_refused_with_what_they_need():
    rows = tf.zeros((2_000, 2))
    with pytest.raises(ValueError, match=r"'angular' .* 2000 examples need 60 GiB"):
        angular(rows, rows)
