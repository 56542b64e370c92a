"""What several losses or tensors give together, as a formula says it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from tfloss.objective import Entry, Objective, Scope
from tfloss.registry import load_registry

RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(size=(6, 3))
P = special.softmax(LOGITS, axis=1)
A, B = (special.softmax(RANDOM.normal(size=(6, 3)), axis=1) for _ in range(2))
LABELS = np.eye(3)[[0, 1, 2, 0, 1, 2]]
TENSORS = {
    name: value.astype(np.float32)
    for name, value in {"logits": LOGITS, "probs": P, "labels": LABELS, "a": A, "b": B}.items()
}


def total(formula):
    scope = Scope([Entry(name, "data", known_outside=name in "ab") for name in TENSORS])
    return float(Objective(formula, load_registry(), scope)(TENSORS).total)


def test_an_ensemble_of_teachers_by_the_mean_of_the_divergences():
    expected = np.mean([stats.entropy(P, q, axis=1) for q in (A, B)])
    assert total("kl(teacher=a)/2 + kl(teacher=b)/2") == pytest.approx(expected, rel=1e-5)


def test_an_ensemble_of_teachers_by_the_mean_of_the_teachers():
    expected = np.mean(stats.entropy(P, (A + B) / 2, axis=1))
    assert total("kl(teacher=(a + b)/2)") == pytest.approx(expected, rel=1e-5)


def test_teachers_may_weigh_unlike():
    expected = np.mean(0.8 * stats.entropy(P, A, axis=1) + 0.2 * stats.entropy(P, B, axis=1))
    assert total("0.8*kl(teacher=a) + 0.2*kl(teacher=b)") == pytest.approx(expected, rel=1e-5)


def test_born_again_networks_learn_from_labels_and_an_ensemble_alike():
    """Furlanello et al. 2018: the cross-entropy with the labels and with the teachers' mean."""
    cross = -np.mean(np.sum((LABELS + (A + B) / 2) * special.log_softmax(LOGITS, axis=1), axis=1))
    assert total("ce + ce(labels=(a + b)/2)") == pytest.approx(cross, rel=1e-5)


def test_class_weights_in_a_formula():
    log_p = special.log_softmax(LOGITS, axis=1)
    expected = -np.mean(np.sum(np.array([1, 2, 0.5]) * LABELS * log_p, axis=1))
    assert total("ce(class_weights=[1, 2, 0.5])") == pytest.approx(expected, rel=1e-5)


def test_class_counts_in_a_formula():
    shares = np.array([90, 9, 1]) / 100
    expected = -np.mean(np.sum(LABELS * special.log_softmax(LOGITS + np.log(shares), axis=1), 1))
    ours = total("logit_adjusted(counts=[90, 9, 1])")
    assert ours == pytest.approx(expected, rel=1e-5)
