"""Losses by class counts against their papers' sums."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special
from sklearn.metrics import log_loss

from tfloss_losses.class_counts import class_balanced, ldam, logit_adjusted
from tfloss_losses.classification import bce, ce

from .checks import (
    assert_derivative,
    assert_finite_and_equal_modes,
    assert_refuses_other_shapes,
    case,
    cases,
    extreme,
    moderate,
    of,
)

ALL = (logit_adjusted, ldam, class_balanced)
COUNTS = [900, 90, 10]
FAMILY = (
    *cases(logit_adjusted, class_balanced, columns=(1,), counts=[900, 100]),
    *(case(loss, "moderate-3", moderate(3), counts=COUNTS) for loss in ALL),
    *(case(loss, "extreme-3", extreme(3), counts=COUNTS) for loss in ALL),
)
SMOOTH = [one for one in FAMILY if "extreme" not in one.label]


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    assert_finite_and_equal_modes(FAMILY, chosen)


@pytest.mark.parametrize("chosen", SMOOTH, ids=str)
def test_derivative(chosen):
    assert_derivative(chosen)


@pytest.mark.parametrize("loss", ALL)
def test_other_shapes_are_refused(loss):
    assert_refuses_other_shapes(loss, (2, 3))


@pytest.mark.parametrize("loss", [logit_adjusted, class_balanced])
def test_classes_alike_make_it_cross_entropy(loss):
    np.testing.assert_allclose(of(loss, moderate(3)), of(ce, moderate(3)))
    np.testing.assert_allclose(of(loss, moderate(3), counts=[7, 7, 7]), of(ce, moderate(3)))
    np.testing.assert_allclose(of(loss, moderate(1)), of(bce, moderate(1)))


def test_logit_adjusted_multiplies_the_odds_by_the_shares():
    data, shares = moderate(3), np.array(COUNTS) / 1000
    p = special.softmax(data["logits"], axis=1) * shares**1.5
    p /= p.sum(axis=1, keepdims=True)
    expected = log_loss(data["labels"].argmax(axis=1), p, labels=[0, 1, 2])
    assert np.mean(of(logit_adjusted, data, counts=COUNTS, tau=1.5)) == pytest.approx(expected)


def test_ldam_takes_a_margin_from_the_labels_logit():
    data, leads = moderate(3), 1 / np.array(COUNTS) ** 0.25
    leads *= 0.4 / leads.max()
    for value, y, z in zip(
        of(ldam, data, counts=COUNTS, margin=0.4, scale=5.0),
        data["labels"].argmax(axis=1),
        data["logits"],
        strict=True,
    ):
        own = np.exp(5 * (z[y] - leads[y]))
        others = sum(np.exp(5 * z[c]) for c in range(3) if c != y)
        assert value == pytest.approx(-np.log(own / (own + others)))


@pytest.mark.parametrize(("columns", "counts"), [(1, [900, 100]), (3, COUNTS)])
def test_class_balanced_weighs_by_effective_numbers(columns, counts):
    data = moderate(columns)
    weights = np.array([(1 - 0.99) / (1 - 0.99**n) for n in counts])
    weights *= len(counts) / weights.sum()
    classes = data["labels"].argmax(axis=1) if columns > 1 else data["labels"][:, 0].astype(int)
    plain = of(ce if columns > 1 else bce, data)
    ours = of(class_balanced, data, counts=counts, beta=0.99)
    np.testing.assert_allclose(ours, weights[classes] * plain)


@pytest.mark.parametrize(
    ("loss", "settings"),
    [
        *((loss, {"counts": [1, 2]}) for loss in ALL),
        *((loss, {"counts": [1, 2, 0]}) for loss in ALL),
        (logit_adjusted, {"tau": -1.0}),
        (ldam, {"margin": -1.0}),
        (ldam, {"scale": 0.0}),
        (class_balanced, {"beta": 1.0}),
    ],
)
def test_settings_outside_their_bounds_are_refused(loss, settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        of(loss, moderate(3), **settings)
