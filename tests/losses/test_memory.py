"""Given triplets against torch's formula, the queue against a loop, the one-class centre."""

from __future__ import annotations

import numpy as np
import pytest

from tfloss import tf
from tfloss.objective import Entry, Objective, Scope
from tfloss.registry import load_registry
from tfloss_losses import memory
from tfloss_losses.memory import triplet_margin

from .oracles import assert_agrees, assert_passes_the_kit

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("loss", memory.tfloss_losses(), ids=lambda loss: loss.name)
def test_the_kit(loss):
    assert_passes_the_kit(loss)


@pytest.mark.parametrize("swap", [False, True])
def test_triplet_margin_by_norms(swap):
    a, p, n = RANDOM.normal(size=(3, 6, 4))
    near, far = np.linalg.norm(a - p, axis=1), np.linalg.norm(a - n, axis=1)
    if swap:
        far = np.minimum(far, np.linalg.norm(p - n, axis=1))
    data = {"anchor": a, "positive": p, "negative": n}
    assert_agrees(triplet_margin, data, np.maximum(near - far + 0.7, 0), margin=0.7, swap=swap)


def objective(formula, *names):
    scope = Scope([Entry(name, "test", known_outside=name == "labels") for name in names])
    return Objective(formula, load_registry(), scope)


def test_the_queue_keeps_the_last_rows_and_pairs_with_them():
    batches = RANDOM.normal(size=(3, 4, 3)).astype(np.float32)
    classes = RANDOM.integers(0, 2, size=(3, 4))
    made = objective("cross_batch_memory(embedding=h, size=6, margin=0.3)", "labels", "h")
    past: list = []
    for rows, of_class in zip(batches, classes, strict=True):
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        here = list(zip(unit, of_class, strict=True))
        cost = 0.0
        for i, (x, y) in enumerate(here):
            for other, c in here[:i] + here[i + 1 :] + past:
                cost += 1 - x @ other if c == y else max(x @ other - 0.3, 0)
        given = {"labels": tf.constant(np.eye(2)[of_class], tf.float32), "h": tf.constant(rows)}
        assert float(made(given, training=True).total) == pytest.approx(cost / 4, rel=1e-5)
        past = (here + past)[:6]


def test_the_centre_is_the_first_batchs_mean_and_stays():
    one, two = RANDOM.normal(size=(2, 5, 3)).astype(np.float32)
    made = objective("deep_svdd(embedding=h)", "h")
    centre = one.mean(axis=0)
    for rows in (one, two):
        expected = np.mean(np.sum((rows - centre) ** 2, axis=1))
        assert float(made({"h": tf.constant(rows)}, training=True).total) == pytest.approx(
            expected, rel=1e-5
        )
