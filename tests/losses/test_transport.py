"""Distances of two sets of rows against scipy, scikit-learn and optimal transport by assignment."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special, stats
from scipy.spatial import distance
from sklearn.metrics.pairwise import rbf_kernel

from tfloss_losses.transport import energy_distance, mmd, sinkhorn

from .checks import assert_derivative, assert_finite_and_equal_modes, case, of

ALL = (energy_distance, mmd, sinkhorn)


def sets(rows=6, columns=3):
    rng = np.random.default_rng(0)
    return {
        "first": rng.normal(size=(rows, columns)),
        "second": rng.normal(size=(rows, columns)) + 0.5,
        "sample_weight": rng.uniform(0.5, 2, size=rows),
    }


def unweighted(**more):
    return {name: value for name, value in sets(**more).items() if name != "sample_weight"}


ramp = np.linspace(1, -1, 3)
ODD = np.stack([0 * ramp, ramp, ramp, 1e4 * ramp, -1e4 * ramp, 1e4 + 0 * ramp])
FAMILY = (
    *(case(loss, "moderate", sets()) for loss in ALL),
    *(case(loss, "extreme", {"first": ODD, "second": -ODD[::-1]}) for loss in ALL),
    *(case(loss, "equal", {"first": 0 * ODD, "second": 0 * ODD}) for loss in ALL),
)


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    # Sinkhorn's potentials are sums and differences of costs of 1e8.
    assert_finite_and_equal_modes(FAMILY, chosen, digits=4 if chosen.loss is sinkhorn else 5)


@pytest.mark.parametrize("loss", [energy_distance, mmd])
def test_derivative(loss):
    assert_derivative(case(loss, "", sets()))


def test_derivative_of_sinkhorn_where_it_has_converged():
    assert_derivative(case(sinkhorn, "", sets(), iterations=1000))


@pytest.mark.parametrize("loss", ALL)
def test_two_equal_sets_are_no_distance_apart_in_any_order(loss):
    rows = sets()["first"]
    assert of(loss, {"first": rows, "second": rows[::-1]}) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("loss", ALL)
def test_a_weight_of_zero_is_as_if_the_example_were_not_there(loss):
    data, weight = unweighted(), np.array([1.0, 1, 0, 1, 1, 0])
    less = {name: value[weight == 1] for name, value in data.items()}
    data["first"][2] = np.nan
    assert of(loss, data | {"sample_weight": weight}) == pytest.approx(of(loss, less))


@pytest.mark.parametrize("loss", ALL)
def test_one_example_or_none_is_finite(loss):
    for weight in ([1.0, 0, 0], [0.0, 0, 0]):
        assert np.isfinite(of(loss, unweighted(rows=3) | {"sample_weight": np.array(weight)}))


@pytest.mark.parametrize("loss", ALL)
def test_another_shape_is_refused(loss):
    for shape in ((5, 3), (6, 2)):
        with pytest.raises(ValueError, match="shape"):
            of(loss, unweighted() | {"first": np.ones(shape)})


def test_energy_distance_is_scipys_squared():
    data = sets(columns=1)
    weight = data["sample_weight"]
    expected = stats.energy_distance(data["first"][:, 0], data["second"][:, 0], weight, weight)
    assert of(energy_distance, data) == pytest.approx(expected**2)


def test_energy_distance_of_several_columns_is_three_means():
    one, two = unweighted().values()
    apart = [np.mean(distance.cdist(a, b)) for a, b in ((one, two), (one, one), (two, two))]
    expected = 2 * apart[0] - apart[1] - apart[2]
    assert of(energy_distance, unweighted()) == pytest.approx(expected)


def test_mmd_is_scikit_learns_kernel_three_times():
    data = sets()
    pairs = np.outer(data["sample_weight"], data["sample_weight"])
    one, two, gamma = data["first"], data["second"], 1 / (2 * 1.5**2)
    means = [
        np.average(rbf_kernel(a, b, gamma), weights=pairs)
        for a, b in ((one, one), (two, two), (one, two))
    ]
    expected = means[0] + means[1] - 2 * means[2]
    assert of(mmd, data, bandwidth=1.5) == pytest.approx(expected)


def entropic_cost(cost, epsilon):
    """The primal by its own definition, of a plan found with scaling in ordinary numbers."""
    share = np.full(len(cost), 1 / len(cost))
    kernel, rows = np.exp(-cost / epsilon), np.ones(len(cost))
    for _ in range(20000):
        columns = share / (kernel.T @ rows)
        rows = share / (kernel @ columns)
    plan = rows[:, None] * kernel * columns[None, :]
    return np.sum(plan * cost) + epsilon * np.sum(special.rel_entr(plan, np.outer(share, share)))


def test_sinkhorn_is_three_entropic_costs():
    one, two = unweighted().values()
    costs = [
        entropic_cost(distance.cdist(a, b, "sqeuclidean") / 2, 0.7)
        for a, b in ((one, two), (one, one), (two, two))
    ]
    ours = of(sinkhorn, unweighted(), epsilon=0.7, iterations=2000)
    assert ours == pytest.approx(costs[0] - costs[1] / 2 - costs[2] / 2, rel=1e-5)


def test_with_little_smoothing_sinkhorn_is_the_best_assignment():
    one, two = unweighted().values()
    cost = distance.cdist(one, two, "sqeuclidean") / 2
    best = cost[optimize.linear_sum_assignment(cost)].mean()
    ours = of(sinkhorn, unweighted(), epsilon=0.01, iterations=3000)
    assert ours == pytest.approx(best, rel=1e-2)


@pytest.mark.parametrize(
    ("loss", "settings"),
    [(mmd, {"bandwidth": 0.0}), (sinkhorn, {"epsilon": 0.0}), (sinkhorn, {"iterations": 0})],
)
def test_settings_outside_their_bounds_are_refused(loss, settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        of(loss, unweighted(), **settings)
