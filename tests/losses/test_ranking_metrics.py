"""Smooth ranking measures against scikit-learn's at the limit, and sums in loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats
from sklearn.metrics import label_ranking_average_precision_score, ndcg_score

from tfloss_losses import ranking_metrics
from tfloss_losses.ranking import lambda_rank, pairwise_logistic
from tfloss_losses.ranking_metrics import (
    approx_mrr,
    approx_ndcg,
    calibrated_softmax,
    neural_sort_ndcg,
    pairwise_hinge,
    pairwise_mse,
    pairwise_soft_zero_one,
    poly1_softmax,
    spearman,
    unique_softmax,
)

from .checks import of
from .oracles import assert_agrees, assert_passes_the_kit

RANDOM = np.random.default_rng(0)
Y = RANDOM.integers(0, 4, size=(6, 5)).astype(float)
S = RANDOM.normal(size=(6, 5))
DATA = {"labels": Y, "prediction": S}


@pytest.mark.parametrize("loss", ranking_metrics.tfloss_losses(), ids=lambda loss: loss.name)
def test_the_kit(loss):
    assert_passes_the_kit(loss)


@pytest.mark.parametrize("loss", ranking_metrics.tfloss_losses(), ids=lambda loss: loss.name)
def test_empty_places_count_for_nothing(loss):
    filled = {
        "labels": np.pad(Y, ((0, 0), (0, 2)), constant_values=-1),
        "prediction": np.pad(S, ((0, 0), (0, 2)), constant_values=7.0),
    }
    np.testing.assert_allclose(of(loss, filled), of(loss, DATA))


@pytest.mark.parametrize("loss", [approx_ndcg, neural_sort_ndcg], ids=lambda loss: loss.name)
def test_a_low_temperature_is_scikit_learns_ndcg(loss):
    scores = [ndcg_score(2.0 ** Y[i : i + 1] - 1, S[i : i + 1]) for i in range(6)]
    assert_agrees(loss, DATA, -np.array(scores), temperature=1e-4, rtol=1e-6)


def _places(i, temperature):
    return [
        1 + sum(special.expit((S[i, k] - S[i, j]) / temperature) for k in range(5) if k != j)
        for j in range(5)
    ]


def test_soft_places():
    for temperature in (0.1, 1.0):
        gain, reciprocal = [], []
        for i in range(6):
            places, best = np.array(_places(i, temperature)), np.sort(2 ** Y[i] - 1)[::-1]
            ideal = np.sum(best / np.log2(np.arange(2, 7)))
            gain.append(-np.sum((2 ** Y[i] - 1) / np.log2(1 + places)) / ideal)
            reciprocal.append(-np.sum(Y[i] / places) / Y[i].sum())
        assert_agrees(approx_ndcg, DATA, gain, temperature=temperature)
        assert_agrees(approx_mrr, DATA, reciprocal, temperature=temperature)


def test_one_relevant_item_is_scikit_learns_reciprocal_rank():
    labels = np.eye(5)[RANDOM.integers(0, 5, size=6)]
    scores = [
        label_ranking_average_precision_score(labels[i : i + 1], S[i : i + 1]) for i in range(6)
    ]
    given = {"labels": labels, "prediction": S}
    assert_agrees(approx_mrr, given, -np.array(scores), temperature=1e-4, rtol=1e-6)


def test_pairs():
    expected = {pairwise_hinge: [], pairwise_soft_zero_one: [], pairwise_mse: []}
    for y, s in zip(Y, S, strict=True):
        ahead = [s[i] - s[j] for i, j in np.ndindex(5, 5) if y[i] > y[j]]
        expected[pairwise_hinge].append(np.mean([max(0, 1 - gap) for gap in ahead]))
        expected[pairwise_soft_zero_one].append(np.mean([special.expit(-gap) for gap in ahead]))
        gaps = [(y[i] - y[j] - s[i] + s[j]) ** 2 for i, j in np.ndindex(5, 5) if i != j]
        expected[pairwise_mse].append(np.mean(gaps))
    for loss, values in expected.items():
        assert_agrees(loss, DATA, values)


def test_lists():
    unique, calibrated, poly = [], [], []
    for y, s in zip(Y, S, strict=True):
        lost = [np.log(1 + np.sum(np.exp(s[y < y[i]] - s[i]))) for i in range(5)]
        unique.append(np.sum((2**y - 1) * lost))
        target = np.array([1.5, *y]) / (1.5 + y.sum())
        calibrated.append(-np.sum(target * special.log_softmax([0.0, *s])))
        p = special.softmax(s)
        poly.append(np.sum(y / y.sum() * (-np.log(p) + 0.7 * (1 - p))))
    assert_agrees(unique_softmax, DATA, unique)
    assert_agrees(calibrated_softmax, DATA, calibrated, virtual_label=1.5)
    assert_agrees(poly1_softmax, DATA, poly, epsilon=0.7)


def test_neural_sort_by_its_permutation():
    expected = []
    for y, s in zip(Y, S, strict=True):
        spread = np.abs(s[:, None] - s[None]).sum(axis=1)
        rows = [special.softmax(((6 - 2 * k) * s - spread) / 0.5) for k in range(1, 6)]
        discount = 1 / np.log2(np.arange(2, 7))
        ideal = np.sum(np.sort(2**y - 1)[::-1] * discount)
        expected.append(-np.sum(np.array(rows) @ (2**y - 1) * discount) / ideal)
    assert_agrees(neural_sort_ndcg, DATA, expected, temperature=0.5)


def test_spearman_of_sharp_places_is_scipys():
    rng = np.random.default_rng(5)
    y, s = rng.integers(0, 4, size=(3, 7)).astype(float), rng.normal(size=(3, 7))
    expected = [1 - stats.spearmanr(a, b).statistic for a, b in zip(y, s, strict=True)]
    assert_agrees(spearman, {"labels": y, "prediction": s}, expected, temperature=1e-4)


def test_pairs_weighed_by_changes_of_the_ndcg():
    rng = np.random.default_rng(6)
    data = {"labels": np.array([[3.0, 0, 1, 2, 0]]), "prediction": rng.normal(size=(1, 5))}
    assert_agrees(pairwise_logistic, data, of(lambda_rank, data), lambda_weight="ndcg")
    y, s = data["labels"][0], data["prediction"][0]
    gain, place = 2**y - 1, stats.rankdata(-s)
    best = np.sum(np.sort(gain)[::-1] / np.log2(np.arange(2, 7)))
    expected = sum(
        abs((gain[i] - gain[j]) * (1 / np.log2(1 + place[i]) - 1 / np.log2(1 + place[j]))) / best
        * max(0.5 - (s[i] - s[j]), 0)
        for i in range(5)
        for j in range(5)
        if y[i] > y[j]
    )  # fmt: skip
    assert_agrees(pairwise_hinge, data, [expected], margin=0.5, lambda_weight="ndcg")
