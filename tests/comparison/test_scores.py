"""Metrics of many answers at once are the plugins' own."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

import tfloss
from tfloss.comparison.analysis.metrics import _known, ways_of


@pytest.fixture
def answers():
    random = np.random.default_rng(0)

    def make(classes, replicates=40, rows=57):
        truth = random.integers(0, classes, (replicates, rows))
        return truth, softmax(random.normal(size=(replicates, rows, classes)), axis=2)

    return make


@pytest.mark.parametrize("classes", [2, 3])
def test_many_at_once_is_one_by_one(registry, answers, classes):
    truth, probs = answers(classes)
    for metric in registry.metrics.values():
        if metric.task == "classification":
            assert _known(metric, truth, probs) is not None, metric.name
            found = ways_of({"it": metric}, truth, probs)["it"](truth, probs)
            expected = [metric(t, p) for t, p in zip(truth, probs, strict=True)]
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_a_metric_of_ones_own_is_asked_itself(answers):
    @tfloss.metric(better="higher")
    def confidence(classes, probs):
        return float(probs.max(axis=1).mean())

    truth, probs = answers(2)
    assert _known(confidence, truth, probs) is None
    found = ways_of({"it": confidence}, truth, probs)["it"](truth, probs)
    np.testing.assert_allclose(found, probs.max(axis=2).mean(axis=1))
