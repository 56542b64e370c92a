"""Time warping against sums over every alignment."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from tfloss_losses import time_warping
from tfloss_losses.time_warping import dilate, soft_dtw, soft_dtw_divergence

from .checks import of
from .oracles import assert_agrees, assert_passes_the_kit

RANDOM = np.random.default_rng(0)
FRAMES = RANDOM.normal(size=(3, 5, 4))


@pytest.mark.parametrize("loss", time_warping.tfloss_losses(), ids=lambda loss: loss.name)
def test_the_kit(loss):
    assert_passes_the_kit(loss)


def _alignments(rows, columns):
    """Every way from the first pair of moments to the last, by steps down, across or both."""
    if rows == columns == 0:
        yield [(0, 0)]
        return
    for i, j in ((rows - 1, columns), (rows, columns - 1), (rows - 1, columns - 1)):
        if i >= 0 and j >= 0:
            for way in _alignments(i, j):
                yield [*way, (rows, columns)]


def _dtw(x, y, gamma):
    costs = ((x[:, None] - y[None]) ** 2).sum(axis=-1)
    ways = [sum(costs[i, j] for i, j in way) for way in _alignments(len(x) - 1, len(y) - 1)]
    return -gamma * special.logsumexp(-np.array(ways) / gamma)


def test_soft_dtw_is_the_soft_minimum_over_every_alignment():
    x, y = RANDOM.normal(size=(2, 4, 2)), RANDOM.normal(size=(2, 5, 2))
    data = {"labels": x, "prediction": y}
    for gamma in (1.0, 0.1):
        expected = [_dtw(a, b, gamma) for a, b in zip(x, y, strict=True)]
        assert_agrees(soft_dtw, data, expected, gamma=gamma)
    expected = [
        _dtw(a, b, 1.0) - _dtw(a, a, 1.0) / 2 - _dtw(b, b, 1.0) / 2
        for a, b in zip(x, y, strict=True)
    ]
    assert_agrees(soft_dtw_divergence, data, expected)


def test_a_small_gamma_is_dynamic_time_warping():
    """By the recursion of Sakoe and Chiba 1978."""
    x, y = RANDOM.normal(size=(2, 6, 1))
    table = np.full((7, 7), np.inf)
    table[0, 0] = 0
    for i, j in np.ndindex(6, 6):
        table[i + 1, j + 1] = (x[i, 0] - y[j, 0]) ** 2 + min(
            table[i, j + 1], table[i + 1, j], table[i, j]
        )
    data = {"labels": x[None], "prediction": y[None]}
    assert_agrees(soft_dtw, data, [table[-1, -1]], gamma=1e-5, rtol=1e-4)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="shape"):
        of(soft_dtw, {"labels": FRAMES, "prediction": FRAMES[..., :2]})
    with pytest.raises(ValueError, match="time"):
        of(soft_dtw, {"labels": FRAMES[0], "prediction": FRAMES[0]})


def test_dilate_adds_how_far_off_in_time_the_alignments_are():
    x, y = RANDOM.normal(size=(2, 4, 1))
    costs, ways = (x - y.T) ** 2, list(_alignments(3, 3))
    chances = special.softmax([-sum(costs[i, j] for i, j in way) / 0.2 for way in ways])
    late = [sum((i - j) ** 2 / 16 for i, j in way) for way in ways]
    expected = 0.3 * _dtw(x, y, 0.2) + 0.7 * np.dot(chances, late)
    data = {"labels": x[None], "prediction": y[None]}
    assert_agrees(dilate, data, [expected], alpha=0.3, gamma=0.2)
