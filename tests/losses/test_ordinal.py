"""Ordered classes against differences of logistic distribution functions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from tfloss_losses.ordinal import coral_ordinal, cumulative_link

from .checks import SPECIAL_LOGITS, assert_derivative, assert_finite_and_equal_modes, case, of

CLASSES = np.array([0, 1, 2, 3, 1])
HELD = np.array([-1.0, 0.4, -0.3])


def data():
    rng = np.random.default_rng(0)
    return {
        "labels": np.eye(4)[CLASSES],
        "logits": rng.normal(size=(5, 3)),
        "score": rng.normal(size=(5, 1)),
        "state": {"thresholds": HELD},
    }


def extremes():
    values = np.repeat(SPECIAL_LOGITS, 4)
    return {
        "labels": np.tile(np.eye(4), (5, 1)),
        "logits": values[:, None] * np.array([[1.0, 0.5, -1.0]]),
        "score": values[:, None],
        "state": {"thresholds": np.array([0.0, -1e4, 1e4])},
    }


def without_state(given):
    return {name: value for name, value in given.items() if name != "state"}


FAMILY = (
    case(coral_ordinal, "moderate", without_state(data())),
    case(cumulative_link, "moderate", data()),
    case(coral_ordinal, "extreme", without_state(extremes())),
    case(cumulative_link, "extreme", extremes()),
)


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    assert_finite_and_equal_modes(FAMILY, chosen)


@pytest.mark.parametrize("chosen", FAMILY[:2], ids=str)
def test_derivative(chosen):
    assert_derivative(chosen)


def test_coral_asks_whether_the_class_is_above_each():
    given = without_state(data())
    p = special.expit(given["logits"])
    for value, label, row in zip(of(coral_ordinal, given), CLASSES, p, strict=True):
        chances = [row[k] if label > k else 1 - row[k] for k in range(3)]
        assert value == pytest.approx(-np.sum(np.log(chances)))


def test_cumulative_link_is_a_logistic_distribution_cut_by_thresholds():
    cuts = np.cumsum([HELD[0], *(np.log1p(np.exp(HELD[1:])) + 1e-6)])
    edges = np.array([-np.inf, *cuts, np.inf])
    for value, label, score in zip(
        of(cumulative_link, data()), CLASSES, data()["score"][:, 0], strict=True
    ):
        noise = stats.logistic(loc=score)
        chance = noise.cdf(edges[label + 1]) - noise.cdf(edges[label])
        assert value == pytest.approx(-np.log(chance))


def test_the_classes_chances_add_up_to_one():
    given = data() | {"labels": np.eye(4), "score": np.full((4, 1), 0.7)}
    assert np.sum(np.exp(-of(cumulative_link, given))) == pytest.approx(1)


def test_nearer_classes_cost_less():
    given = data() | {"labels": np.eye(4), "score": np.full((4, 1), -5.0)}
    given["state"] = {"thresholds": np.array([-3.0, 3.0, 3.0])}
    assert np.all(np.diff(of(cumulative_link, given)) > 0)


def test_other_shapes_are_refused():
    given = without_state(data())
    with pytest.raises(ValueError, match="shape"):
        of(coral_ordinal, given | {"logits": np.ones((5, 4))})
    with pytest.raises(ValueError, match="shape"):
        of(coral_ordinal, given | {"logits": np.ones((4, 3))})
    with pytest.raises(ValueError, match="shape"):
        of(cumulative_link, data() | {"score": np.ones((5, 2))})
    with pytest.raises(ValueError, match="shape"):
        of(cumulative_link, data() | {"score": np.ones((4, 1))})
    for loss in (coral_ordinal, cumulative_link):
        with pytest.raises(ValueError, match="column"):
            of(loss, (given if loss is coral_ordinal else data()) | {"labels": np.ones((5, 1))})
