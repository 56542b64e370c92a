"""Affinity divergences against their definitions in numpy and the identities between them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tfloss_losses.affinity import alpha, bhattacharyya, hellinger, renyi
from tfloss_losses.distance import chi_square
from tfloss_losses.divergence import forward_kl, kl

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

ALL = (hellinger, bhattacharyya, renyi, alpha)
FAMILY = (
    *cases(*ALL),
    case(renyi, "extreme-high", extreme(3), order=10),
    case(renyi, "extreme-low", extreme(3), order=0.1),
    case(alpha, "extreme-high", extreme(3), order=2),
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
    assert_refuses_other_shapes(loss)


def both(columns):
    data = moderate(columns)
    p, q = data["probs"], data["teacher"]
    if columns == 1:
        p, q = (np.hstack([1 - x, x]) for x in (p, q))
    return data, p, q


@pytest.mark.parametrize("columns", [1, 3])
def test_their_definitions(columns):
    data, p, q = both(columns)
    overlap = np.sum(np.sqrt(p * q), axis=-1)
    np.testing.assert_allclose(of(bhattacharyya, data), -np.log(overlap))
    distance = np.linalg.norm(np.sqrt(p) - np.sqrt(q), axis=-1) ** 2 / 2
    np.testing.assert_allclose(of(hellinger, data), distance)


@pytest.mark.parametrize("order", [0.3, 0.5, 1.7])
def test_orders(order):
    data, p, q = both(3)
    overlap = np.sum(p**order * q ** (1 - order), axis=-1)
    np.testing.assert_allclose(of(renyi, data, order=order), np.log(overlap) / (order - 1))
    np.testing.assert_allclose(of(alpha, data, order=order), (1 - overlap) / (order * (1 - order)))


def test_near_one_they_tend_to_kl():
    data, p, q = both(3)
    reference = stats.entropy(p, q, axis=-1)
    for loss in (renyi, alpha):
        np.testing.assert_allclose(of(loss, data, order=1 + 1e-6), reference, rtol=1e-4)
    np.testing.assert_allclose(of(alpha, data, order=1e-6), of(forward_kl, data), rtol=1e-4)
    np.testing.assert_allclose(of(kl, data), reference)


def test_at_two_alpha_is_half_of_chi_square():
    data = moderate(3)
    np.testing.assert_allclose(of(alpha, data, order=2), of(chi_square, data) / 2)


@pytest.mark.parametrize("loss", ALL)
@pytest.mark.parametrize("columns", [1, 3])
def test_agreement_costs_nothing(loss, columns):
    data = moderate(columns)
    agreeing = {"teacher": data["probs"], "logits": data["logits"]}
    np.testing.assert_allclose(of(loss, agreeing), 0, atol=1e-12)


@pytest.mark.parametrize("loss", [hellinger, bhattacharyya])
def test_symmetric(loss):
    data = moderate(3)
    swapped = {"teacher": data["probs"], "logits": np.log(data["teacher"])}
    np.testing.assert_allclose(of(loss, data), of(loss, swapped))


@pytest.mark.parametrize(("loss", "order"), [(renyi, 0), (renyi, 1), (alpha, 1), (alpha, 3)])
def test_orders_without_a_meaning_are_refused(loss, order):
    with pytest.raises(ValueError, match="order"):
        of(loss, moderate(1), order=order)
