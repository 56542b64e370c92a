"""Losses with places of their own: angles by hand, centres by a loop, state in an objective."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from tfloss.objective import Entry, Objective, Scope
from tfloss.registry import load_registry
from tfloss_losses.prototypes import arcface, centre, cosface

from .checks import assert_derivative, assert_finite_and_equal_modes, case, of

ALL = (arcface, cosface, centre)
CLASSES = np.array([0, 1, 2, 0, 1])


def data():
    rng = np.random.default_rng(0)
    return {
        "labels": np.eye(3)[CLASSES],
        "embedding": rng.normal(size=(5, 4)),
        "state": {"places": rng.normal(size=(3, 4))},
    }


def extremes():
    """Rows of zeros, on a place and opposite to it, and of 1e4."""
    given = data()
    place = given["state"]["places"][0]
    odd = np.stack([0 * place, place, -place, 1e4 * place, -1e4 * place, 1e4 + 0 * place])
    return given | {
        "labels": np.concatenate([given["labels"], np.eye(3)[[0] * 6]]),
        "embedding": np.concatenate([given["embedding"], odd]),
    }


FAMILY = (
    *(case(loss, "moderate", data()) for loss in ALL),
    *(case(loss, "extreme", extremes()) for loss in ALL),
)


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    assert_finite_and_equal_modes(FAMILY, chosen)


@pytest.mark.parametrize("chosen", FAMILY[:3], ids=str)
def test_derivative(chosen):
    assert_derivative(chosen, fixed=("labels",))


def angles():
    unit, places = (
        rows / np.linalg.norm(rows, axis=1, keepdims=True)
        for rows in (data()["embedding"], data()["state"]["places"])
    )
    return np.arccos(unit @ places.T)


def cross_entropy(cosines, own, scale):
    cosines = cosines.copy()
    cosines[np.arange(5), CLASSES] = own
    return -special.log_softmax(scale * cosines, axis=1)[np.arange(5), CLASSES]


def test_arcface_adds_its_margin_to_the_angle():
    theta = angles()
    own = np.cos(theta[np.arange(5), CLASSES] + 0.2)
    expected = cross_entropy(np.cos(theta), own, 10)
    np.testing.assert_allclose(of(arcface, data(), margin=0.2, scale=10.0), expected)


def test_arcface_goes_on_falling_beyond_a_half_turn():
    place = np.array([[1.0, 0.0], [0.0, 1.0]])
    turned = np.linspace(2.0, np.pi, 50)
    rows = np.stack([np.cos(turned), -np.sin(turned)], axis=1)
    given = {"labels": np.tile([[1.0, 0.0]], (50, 1)), "embedding": rows}
    costs = of(arcface, given | {"state": {"places": place}}, margin=0.5, scale=1.0)
    others = -np.sin(turned)
    own = np.where(turned + 0.5 < np.pi, np.cos(turned + 0.5), np.cos(turned) - 0.5 * np.sin(0.5))
    np.testing.assert_allclose(costs[:-1], np.logaddexp(0, others - own)[:-1])


def test_cosface_takes_its_margin_from_the_cosine():
    cosines = np.cos(angles())
    expected = cross_entropy(cosines, cosines[np.arange(5), CLASSES] - 0.3, 8)
    np.testing.assert_allclose(of(cosface, data(), margin=0.3, scale=8.0), expected)


def test_one_column_has_two_places():
    given = data() | {"labels": np.array([[0.0], [1], [1], [0], [1]])}
    given["state"] = {"places": given["state"]["places"][:2]}
    two = given | {"labels": np.hstack([1 - given["labels"], given["labels"]])}
    for loss in ALL:
        np.testing.assert_allclose(of(loss, given), of(loss, two))


def test_centre_is_half_the_squared_distance():
    given = data()
    away = given["embedding"] - given["state"]["places"][CLASSES]
    np.testing.assert_allclose(of(centre, given), np.sum(away**2, axis=1) / 2)


def test_centres_move_as_the_paper_says_by_the_examples_that_are_there():
    given = {name: value.astype(np.float32) for name, value in data().items() if name != "state"}
    given["sample_weight"] = np.array([1, 1, 0, 1, 1], np.float32)
    scope = Scope([Entry(name, "data") for name in given])
    objective = Objective("centre(rate=0.4)", load_registry(), scope)
    expected = np.zeros((3, 4))
    for _ in range(3):
        objective(given, training=True)
        step = np.zeros((3, 4))
        for label in (0, 1):
            rows = given["embedding"][label == CLASSES]
            step[label] = np.sum(expected[label] - rows, axis=0) / (1 + len(rows))
        expected -= 0.4 * step
    (found,) = objective.values().values()
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("loss", ALL)
def test_another_number_of_examples_is_refused(loss):
    with pytest.raises(ValueError, match="shape"):
        of(loss, data() | {"embedding": data()["embedding"][:3]})


@pytest.mark.parametrize(
    ("loss", "settings"),
    [
        (arcface, {"margin": 2.0}),
        (arcface, {"scale": 0.0}),
        (cosface, {"margin": 1.0}),
        (centre, {"rate": 1.5}),
    ],
)
def test_settings_outside_their_bounds_are_refused(loss, settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        of(loss, data(), **settings)
