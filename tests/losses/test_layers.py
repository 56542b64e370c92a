"""Distillation of layers: by hand, by scipy's densities, and with projections in an objective."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import special, stats
from sklearn.metrics.pairwise import rbf_kernel

from tfloss_losses.layers import correlation_congruence, crd, fsp, hint, vid

from .checks import assert_derivative, assert_finite_and_equal_modes, case, of

HELD = {
    hint: {"projection": (3, 4)},
    vid: {"projection": (3, 4), "spread": (4,)},
    crd: {"teacher_layer": (4, 2), "layer": (3, 2)},
}


def layers(loss, rows=6):
    """Layers of width 4 and 3, and what the loss holds for them."""
    rng = np.random.default_rng(0)
    given = {
        "teacher_layer": rng.normal(size=(rows, 4)),
        "layer": rng.normal(size=(rows, 3)),
        "teacher": rng.normal(size=(rows, 4)),
        "prediction": rng.normal(size=(rows, 3)),
        "sample_weight": rng.uniform(0.5, 2, size=rows),
    }
    if loss in HELD:
        given["state"] = {name: rng.normal(size=shape) for name, shape in HELD[loss].items()}
    return given


def unweighted(loss):
    return {name: value for name, value in layers(loss).items() if name != "sample_weight"}


def odd(loss):
    """Rows of zeros, equal rows, and sizes of 1e4."""
    scales = np.array([[0], [1], [1], [1e4], [-1e4], [0]])
    given = layers(loss)
    for name in ("teacher_layer", "layer", "teacher", "prediction"):
        given[name] = scales * np.linspace(1, -1, given[name].shape[1])
    return given | {"sample_weight": np.ones(6)}


def maps():
    rng = np.random.default_rng(0)
    return {
        "teacher_start_maps": rng.normal(size=(2, 3, 2, 4)),
        "teacher_end_maps": rng.normal(size=(2, 3, 2, 5)),
        "start_maps": rng.normal(size=(2, 2, 2, 4)),
        "end_maps": rng.normal(size=(2, 2, 2, 5)),
    }


ROWED = (hint, vid, crd, correlation_congruence)
FAMILY = (
    *(case(loss, "moderate", layers(loss)) for loss in ROWED),
    case(fsp, "moderate", maps()),
    *(case(loss, "extreme", odd(loss)) for loss in ROWED),
    case(fsp, "large", {name: 1e4 * value for name, value in maps().items()}),
)


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    assert_finite_and_equal_modes(FAMILY, chosen)


@pytest.mark.parametrize("chosen", FAMILY[:5], ids=str)
def test_derivative(chosen):
    assert_derivative(chosen)


def test_a_hint_is_the_distance_after_the_projection():
    given = layers(hint)
    gap = given["teacher_layer"] - given["layer"] @ given["state"]["projection"]
    np.testing.assert_allclose(of(hint, given), np.mean(gap**2, axis=1) / 2)


def test_on_maps_a_hint_takes_every_place_through_the_projection():
    rng = np.random.default_rng(0)
    held = {"projection": rng.normal(size=(3, 4))}
    given = {"teacher_layer": rng.normal(size=(2, 5, 4)), "layer": rng.normal(size=(2, 5, 3))}
    each = [
        of(hint, {name: value[:, place] for name, value in given.items()} | {"state": held})
        for place in range(5)
    ]
    np.testing.assert_allclose(of(hint, given | {"state": held}), np.mean(each, axis=0))


def test_vid_is_a_gaussians_density_without_its_constant():
    given = layers(vid)
    mean = given["layer"] @ given["state"]["projection"]
    spread = np.sqrt(np.log1p(np.exp(given["state"]["spread"])) + 1e-4)
    density = stats.norm(mean, spread).logpdf(given["teacher_layer"])
    expected = -np.mean(density, axis=1) - np.log(2 * np.pi) / 2
    np.testing.assert_allclose(of(vid, given), expected)


def test_crd_is_a_loop_over_pairings():
    given, costs = unweighted(crd), []
    ours, theirs = (given[n] @ given["state"][n] for n in ("layer", "teacher_layer"))
    for i, j in itertools.product(range(6), repeat=2):
        cosine = ours[i] @ theirs[j] / np.linalg.norm(ours[i]) / np.linalg.norm(theirs[j])
        critic = np.exp(cosine / 0.5) / (np.exp(cosine / 0.5) + 0.2)
        costs.append(-np.log(critic if i == j else 1 - critic))
    ours = of(crd, given, temperature=0.5, ratio=0.2)
    assert ours == pytest.approx(np.sum(costs) / 6)


def test_fsp_is_the_papers_matrix():
    given = maps()
    for row, value in enumerate(of(fsp, given)):
        flows = []
        for start, end in (("teacher_start_maps", "teacher_end_maps"), ("start_maps", "end_maps")):
            one, two = given[start][row], given[end][row]
            places = one.shape[0] * one.shape[1]
            flows.append(np.einsum("hwi,hwj->ij", one, two) / places)
        assert value == pytest.approx(np.mean((flows[0] - flows[1]) ** 2))


def test_correlation_congruence_is_scikit_learns_kernel_twice():
    given = unweighted(correlation_congruence)
    kernels = []
    for rows in (given["teacher"], given["prediction"]):
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        kernels.append(rbf_kernel(unit, gamma=0.7))
    expected = np.mean((kernels[0] - kernels[1]) ** 2)
    assert of(correlation_congruence, given, gamma=0.7) == pytest.approx(expected)


def test_a_certain_pairing_costs_little_and_a_wrong_one_much():
    given = unweighted(crd)
    given["layer"] = given["teacher_layer"][:, :3]
    given["state"] = {
        name: np.vstack([special.softmax(np.eye(3)[:, :2]), 0 * np.eye(1, 2)])[: shape[0]]
        for name, shape in HELD[crd].items()
    }
    swapped = given | {"layer": -given["layer"]}
    assert of(crd, given) < of(crd, swapped)


@pytest.mark.parametrize("loss", [crd, correlation_congruence])
def test_a_weight_of_zero_is_as_if_the_example_were_not_there(loss):
    given, weight = unweighted(loss), np.array([1.0, 1, 0, 1, 1, 0])
    less = {n: v if n == "state" else v[weight == 1] for n, v in given.items()}
    for name in ("teacher_layer", "prediction"):
        given[name][2] = np.nan
    assert of(loss, given | {"sample_weight": weight}) == pytest.approx(of(loss, less))


@pytest.mark.parametrize("loss", ROWED)
def test_another_number_of_examples_is_refused(loss):
    one_row = {name: layers(loss)[name][:1] for name in ("layer", "prediction")}
    with pytest.raises(ValueError, match="shape"):
        of(loss, unweighted(loss) | one_row)


@pytest.mark.parametrize("name", ["teacher_end_maps", "end_maps"])
def test_fsp_refuses_other_places_and_channels(name):
    for part in (np.s_[:, :1], np.s_[..., :2]):
        with pytest.raises(ValueError, match="shape"):
            of(fsp, maps() | {name: maps()[name][part]})


@pytest.mark.parametrize(
    ("loss", "settings"),
    [
        (vid, {"smallest": 0.0}),
        (crd, {"width": 0}),
        (crd, {"temperature": 0.0}),
        (crd, {"ratio": 0.0}),
        (correlation_congruence, {"gamma": 0.0}),
    ],
)
def test_settings_outside_their_bounds_are_refused(loss, settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        of(loss, layers(loss), **settings)
