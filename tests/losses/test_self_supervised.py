"""Self-supervised losses against their papers' sums in loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from tfloss_losses import self_supervised
from tfloss_losses.self_supervised import (
    alignment,
    dcl,
    dclw,
    dino,
    frossl,
    koleo,
    mean_entropy_maximization,
    mmcr,
    siglip,
    simsiam,
    spectral_contrastive,
    swav,
    tico,
    uniformity,
)

from .checks import of
from .oracles import assert_agrees, assert_passes_the_kit

RANDOM = np.random.default_rng(0)
N = 7
F, G = RANDOM.normal(size=(2, N, 4))
U, V = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (F, G))
DATA = {"first": F, "second": G}


@pytest.mark.parametrize("loss", self_supervised.tfloss_losses(), ids=lambda loss: loss.name)
def test_the_kit(loss):
    assert_passes_the_kit(loss)


def test_siglip_asks_each_pair():
    total = 0.0
    for i, j in np.ndindex(N, N):
        score = U[i] @ V[j] / 0.2 - 3.0
        total += np.log1p(np.exp(-score if i == j else score))
    assert_agrees(siglip, DATA, total / N, temperature=0.2, bias=-3.0)


def _decoupled(pull):
    total = 0.0
    for own, other in ((U, V), (V, U)):
        for i in range(N):
            far = sum(
                np.exp(own[i] @ own[j] / 0.3) + np.exp(own[i] @ other[j] / 0.3)
                for j in range(N)
                if j != i
            )
            total += np.log(far) - pull[i] * (own[i] @ other[i]) / 0.3
    return total / (2 * N)


def test_decoupled_contrastive_learning():
    assert_agrees(dcl, DATA, _decoupled(np.ones(N)), temperature=0.3)
    near = np.exp(np.sum(U * V, axis=1) / 0.5)
    assert_agrees(dclw, DATA, _decoupled(2 - near / near.mean()), temperature=0.3)


def test_alignment_and_uniformity():
    assert_agrees(alignment, DATA, np.mean(np.sum((U - V) ** 2, axis=1)))
    distances = np.linalg.norm(U - V, axis=1)
    assert_agrees(alignment, DATA, np.mean(distances**3), power=3.0)
    square = [np.sum((U[i] - U[j]) ** 2) for i in range(N) for j in range(N) if i != j]
    assert_agrees(uniformity, {"embedding": F}, np.log(np.mean(np.exp(-2 * np.array(square)))))


def test_koleo_looks_at_the_nearest():
    nearest = [min(np.linalg.norm(U[i] - U[j]) for j in range(N) if j != i) for i in range(N)]
    assert_agrees(koleo, {"embedding": F}, -np.mean(np.log(np.array(nearest) + 1e-4)))


def test_simsiam_and_spectral_contrast():
    given = {
        "first_prediction": F,
        "second_prediction": G,
        "first_projection": G[::-1],
        "second_projection": F[::-1],
    }
    crossed = np.sum(U * U[::-1], axis=1) + np.sum(V * V[::-1], axis=1)
    assert_agrees(simsiam, given, -crossed / 2)
    products = F @ G.T
    apart = np.mean([products[i, j] ** 2 for i in range(N) for j in range(N) if i != j])
    assert_agrees(spectral_contrastive, DATA, apart - 2 * np.mean(np.diag(products)))


def test_mmcr_is_the_nuclear_norm():
    assert_agrees(mmcr, DATA, -np.linalg.norm((U + V) / 2, ord="nuc"))


def test_tico_remembers_the_covariance():
    held = RANDOM.normal(size=(4, 4))
    moved = 0.8 * held + 0.2 * U.T @ U / N
    expected = np.mean([-(a @ b) + 5.0 * a @ moved @ a for a, b in zip(U, V, strict=True)])
    given = DATA | {"state": {"covariance": held}}
    assert_agrees(tico, given, expected, momentum=0.8, weight=5.0)


def test_swav_predicts_the_others_balanced_assignment():
    one, two = U @ V.T[:, :3], V @ V.T[:, :3]

    def assigned(scores):  # the authors' algorithm, on exponentials
        q = np.exp(scores / 0.05)
        q /= q.sum()
        for _ in range(3):
            q = q / q.sum(axis=0, keepdims=True) / 3
            q = q / q.sum(axis=1, keepdims=True) / N
        return q * N

    cross = assigned(two) * special.log_softmax(one / 0.1, axis=1)
    cross += assigned(one) * special.log_softmax(two / 0.1, axis=1)
    assert_agrees(swav, {"first": one, "second": two}, -np.mean(cross.sum(axis=1)) / 2)


def test_dino_centres_and_sharpens_the_teacher():
    centre = RANDOM.normal(size=4)
    target = special.softmax((F - centre) / 0.04, axis=1)
    expected = -np.mean(np.sum(target * special.log_softmax(G / 0.1, axis=1), axis=1))
    given = {"teacher_logits": F, "logits": G, "state": {"centre": centre}}
    assert_agrees(dino, given, expected)


def test_frossl_by_covariances():
    total, scaled = 0.0, []
    for view in (F, G):
        apart = view - view.mean(axis=0)
        own = apart / np.sqrt(np.mean(np.sum(apart**2, axis=1)) + 1e-6)
        scaled.append(own)
        total += np.log(np.sum((own.T @ own / N) ** 2) + 1e-6) / 2
    alike = np.mean(np.sum((scaled[0] - scaled[1]) ** 2, axis=1))
    assert_agrees(frossl, DATA, total + 1.4 * alike)


def test_mean_entropy():
    mean = special.softmax(F, axis=1).mean(axis=0)
    assert_agrees(mean_entropy_maximization, {"logits": F}, np.log(4) - stats.entropy(mean))
    with pytest.raises(ValueError, match="column"):
        of(mean_entropy_maximization, {"logits": F[:, :1]})
