"""Ranking losses against loops over pairs, scikit-learn's NDCG, and permutations."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import special
from sklearn.metrics import ndcg_score

from tfloss_losses.ranking import (
    lambda_rank,
    listmle,
    listnet,
    pairwise_logistic,
    ranknet,
    softmax_rank,
)

from .checks import (
    assert_derivative,
    assert_finite_and_equal_modes,
    assert_refuses_other_shapes,
    case,
    of,
)

ALL = (pairwise_logistic, ranknet, listnet, softmax_rank, listmle, lambda_rank)
GRADES = np.array([[2.0, 0, 1, 1, 3], [0, 0, 4, 1, 0], [1, 2, 3, 4, 0]])
SCORES = np.random.default_rng(0).normal(size=(3, 5))


def lists():
    return {"labels": GRADES, "prediction": SCORES}


def extremes():
    """Every pattern of scores with every pattern of grades, empty places and empty lists too."""
    ramp = np.linspace(1, -1, 5)
    scores = [0 * ramp, ramp, -ramp, 1e4 * ramp, -1e4 * ramp, 1e4 + 0 * ramp]
    grades = [GRADES[0], 0 * ramp, 4 + 0 * ramp, np.array([1.0, -1, 0, 2, -1]), -1 + 0 * ramp]
    pairs = list(itertools.product(grades, scores))
    return {
        "labels": np.stack([grade for grade, _ in pairs]),
        "prediction": np.stack([score for _, score in pairs]),
    }


FAMILY = (
    *(case(loss, "moderate", lists()) for loss in ALL),
    *(case(loss, "extreme", extremes()) for loss in ALL),
)


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    assert_finite_and_equal_modes(FAMILY, chosen)


@pytest.mark.parametrize("chosen", FAMILY[: len(ALL)], ids=str)
def test_derivative(chosen):
    assert_derivative(chosen, fixed=("labels",))


@pytest.mark.parametrize("loss", ALL)
def test_other_shapes_are_refused(loss):
    assert_refuses_other_shapes(loss)


@pytest.mark.parametrize("loss", ALL)
def test_what_is_no_list_is_refused(loss):
    with pytest.raises(ValueError, match="items"):
        of(loss, {"labels": np.ones(3), "prediction": np.ones(3)})


@pytest.mark.parametrize("loss", ALL)
def test_an_empty_place_is_as_if_it_were_not_there(loss):
    wide = {
        "labels": np.insert(GRADES, 2, -1, axis=1),
        "prediction": np.insert(SCORES, 2, 7.0, axis=1),
    }
    np.testing.assert_allclose(of(loss, wide), of(loss, lists()))


@pytest.mark.parametrize("loss", ALL)
def test_a_list_of_one_item_is_in_order(loss):
    only = {"labels": np.array([[2.0]]), "prediction": np.array([[0.3]])}
    assert of(loss, only) == pytest.approx(0)


@pytest.mark.parametrize("loss", ALL)
def test_the_right_order_costs_less_than_the_wrong_one(loss):
    right = {"labels": GRADES, "prediction": GRADES}
    wrong = {"labels": GRADES, "prediction": -GRADES}
    assert np.all(of(loss, right) < of(loss, wrong))


def pairs_of(grades):
    return [(i, j) for i, j in itertools.permutations(range(len(grades)), 2)]


def test_pairwise_logistic_is_a_loop():
    for value, y, s in zip(of(pairwise_logistic, lists()), GRADES, SCORES, strict=True):
        costs = [np.log1p(np.exp(s[j] - s[i])) for i, j in pairs_of(y) if y[i] > y[j]]
        assert value == pytest.approx(np.mean(costs))


def test_ranknet_is_the_papers_cross_entropy():
    for value, y, s in zip(of(ranknet, lists(), sigma=2.0), GRADES, SCORES, strict=True):
        costs = []
        for i, j in pairs_of(y):
            wanted = 0.5 * (1 + np.sign(y[i] - y[j]))
            p = special.expit(2 * (s[i] - s[j]))
            costs.append(-wanted * np.log(p) - (1 - wanted) * np.log(1 - p))
        assert value == pytest.approx(np.mean(costs))


def test_listnet_is_the_cross_entropy_of_two_softmaxes():
    expected = -np.sum(
        special.softmax(GRADES, axis=1) * special.log_softmax(SCORES, axis=1), axis=1
    )
    np.testing.assert_allclose(of(listnet, lists()), expected)


def test_softmax_rank_takes_grades_as_shares():
    shares = GRADES / GRADES.sum(axis=1, keepdims=True)
    expected = -np.sum(shares * special.log_softmax(SCORES, axis=1), axis=1)
    np.testing.assert_allclose(of(softmax_rank, lists()), expected)


def test_listmle_draws_one_item_after_the_other():
    for value, y, s in zip(of(listmle, lists()), GRADES, SCORES, strict=True):
        left, chance = sorted(range(5), key=lambda item: -y[item]), 1.0
        while left:
            chance *= np.exp(s[left[0]]) / np.sum(np.exp(s[left]))
            left.pop(0)
        assert value == pytest.approx(-np.log(chance))


def test_the_chances_of_all_orders_add_up_to_one():
    scores = SCORES[:1, :4]
    orders = np.array(list(itertools.permutations(range(4))), float)
    costs = of(listmle, {"labels": orders, "prediction": np.repeat(scores, len(orders), axis=0)})
    assert np.sum(np.exp(-costs)) == pytest.approx(1)


def test_lambda_rank_weighs_by_what_an_exchange_does_to_scikit_learns_ndcg():
    for value, y, s in zip(of(lambda_rank, lists(), sigma=1.5), GRADES, SCORES, strict=True):
        gains, total = [2**y - 1], 0.0
        before = ndcg_score(gains, [s])
        for i, j in pairs_of(y):
            if y[i] > y[j]:
                exchanged = s.copy()
                exchanged[[i, j]] = s[[j, i]]
                change = abs(ndcg_score(gains, [exchanged]) - before)
                total += change * np.log1p(np.exp(-1.5 * (s[i] - s[j])))
        assert value == pytest.approx(total)


@pytest.mark.parametrize("loss", [ranknet, lambda_rank])
def test_sigma_must_be_positive(loss):
    with pytest.raises(ValueError, match="sigma"):
        of(loss, lists(), sigma=0.0)
