"""Constraints on functions whose slopes and shapes are known."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfloss import tf
from tfloss.objective import Entry, Objective, Scope
from tfloss.registry import load_registry
from tfloss_losses.physics import (
    causal_residual,
    conservation,
    convex,
    monotonic,
    residual,
    smoothness,
    sobolev,
)

from .checks import assert_derivative, assert_finite_and_equal_modes, case, of
from .oracles import assert_agrees


def data(rows=6):
    rng = np.random.default_rng(0)
    return {
        "expression": rng.normal(size=(rows, 2)),
        "labels": rng.normal(size=(rows, 1)),
        "prediction": rng.normal(size=(rows, 1)),
        "inputs": rng.normal(size=(rows, 3)),
        "slope": rng.normal(size=(rows, 3)),
        "gradient": rng.normal(size=(rows, 3)),
        "before": rng.normal(size=(rows, 2)),
        "after": rng.normal(size=(rows, 3)),
        "sample_weight": rng.uniform(0.5, 2, size=rows),
    }


def extremes():
    ramp, scales = np.array([1.0, -1.0, 0.5]), np.array([[0], [1], [-1], [1e4], [-1e4], [0]])
    return {
        name: scales * ramp[None, : value.shape[1]] if value.ndim > 1 else np.ones(6)
        for name, value in data().items()
    }


ALL = (residual, sobolev, monotonic, convex, smoothness, conservation)
FAMILY = (
    *(case(loss, "moderate", data()) for loss in ALL),
    case(monotonic, "moderate falling", data(), increasing=False),
    case(convex, "moderate concave", data(), concave=True),
    *(case(loss, "extreme", extremes()) for loss in ALL),
)
SMOOTH = [one for one in FAMILY if "extreme" not in one.label]


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    assert_finite_and_equal_modes(FAMILY, chosen)


@pytest.mark.parametrize("chosen", SMOOTH, ids=str)
def test_derivative(chosen):
    assert_derivative(chosen)


def total(formula, function, inputs, **columns):
    """A formula about a function of the inputs, compiled, as training does it."""
    names = ["inputs", "prediction", *columns]
    objective = Objective(formula, load_registry(), Scope([Entry(name, "data") for name in names]))

    @tf.function(autograph=False)
    def run(inputs):
        tensors = {"inputs": inputs, "prediction": function(inputs)}
        return objective(tensors | {n: tf.constant(c, tf.float32) for n, c in columns.items()})

    return float(run(tf.constant(inputs, tf.float32)).total)


X = np.linspace(-1, 1, 9)[:, None]


def test_the_solution_of_an_equation_has_no_residual():
    """Of f'' + 4f = 0, sin 2x, and not sin 3x, whose residual is -5 sin 3x."""
    formula = "residual(grad(grad(prediction, inputs), inputs) + 4*prediction)"
    assert total(formula, lambda x: tf.sin(2 * x), X) == pytest.approx(0, abs=1e-10)
    expected = np.mean((-5 * np.sin(3 * X)) ** 2)
    assert total(formula, lambda x: tf.sin(3 * x), X) == pytest.approx(expected, rel=1e-5)


def test_sobolev_compares_values_and_slopes():
    ours = total(
        "sobolev(labels, prediction, slope, grad(prediction, inputs), weight=2)",
        tf.sin,
        X,
        labels=X,
        slope=np.ones_like(X),
    )
    expected = np.mean((np.sin(X) - X) ** 2) + 2 * np.mean((np.cos(X) - 1) ** 2)
    assert ours == pytest.approx(expected, rel=1e-5)


def test_monotonic_counts_slopes_of_the_wrong_sign():
    rising = "monotonic(grad(prediction, inputs))"
    assert total(rising, tf.exp, X) == 0
    falling = "monotonic(grad(prediction, inputs), increasing=false)"
    assert total(falling, tf.exp, X) == pytest.approx(np.mean(np.exp(2 * X)), rel=1e-5)
    assert total(rising, tf.square, X) == pytest.approx(np.mean(np.minimum(2 * X, 0) ** 2))


def test_convex_and_concave_functions_cost_nothing():
    plain = "convex(prediction, inputs, grad(prediction, inputs))"
    turned = "convex(prediction, inputs, grad(prediction, inputs), concave=true)"
    bowl = np.random.default_rng(0).normal(size=(9, 2))

    def quadratic(x):
        return tf.reduce_sum(tf.square(x), axis=1, keepdims=True)

    assert total(plain, quadratic, bowl) == pytest.approx(0, abs=1e-10)
    assert total(plain, lambda x: -quadratic(x), bowl) > 0.1
    assert total(turned, lambda x: -quadratic(x), bowl) == pytest.approx(0, abs=1e-10)


def test_convex_is_a_loop_over_tangents():
    given, terms, weights = data(), [], []
    f, x, g = given["prediction"][:, 0], given["inputs"], given["gradient"]
    for i in range(6):
        for j in range(6):
            terms.append(max(0, f[i] + g[i] @ (x[j] - x[i]) - f[j]) ** 2)
            weights.append(given["sample_weight"][i] * given["sample_weight"][j])
    assert of(convex, given) == pytest.approx(np.average(terms, weights=weights))


def test_smoothness_is_the_quadratic_form_of_a_graphs_laplacian():
    given = {name: data()[name] for name in ("prediction", "inputs")}
    apart = np.sum((given["inputs"][:, None] - given["inputs"][None]) ** 2, axis=-1)
    near = np.exp(-apart / (2 * 0.8**2))
    laplacian = np.diag(near.sum(axis=1)) - near
    f = given["prediction"][:, 0]
    expected = 2 * f @ laplacian @ f / near.sum()
    assert of(smoothness, given, bandwidth=0.8) == pytest.approx(expected)


def test_conservation_compares_sums():
    given = data()
    gap = given["before"].sum(axis=1) - given["after"].sum(axis=1)
    np.testing.assert_allclose(of(conservation, given), gap**2)


@pytest.mark.parametrize("loss", [convex, smoothness])
def test_a_weight_of_zero_is_as_if_the_example_were_not_there(loss):
    given = {name: value for name, value in data().items() if name != "sample_weight"}
    weight = np.array([1.0, 1, 0, 1, 1, 0])
    less = {name: value[weight == 1] for name, value in given.items()}
    given["prediction"][2] = np.nan
    assert of(loss, given | {"sample_weight": weight}) == pytest.approx(of(loss, less))


@pytest.mark.parametrize(
    ("loss", "changed"),
    [
        (sobolev, {"labels": np.ones((6, 2))}),
        (sobolev, {"slope": np.ones((6, 2))}),
        (sobolev, {"slope": np.ones((1, 3)), "gradient": np.ones((1, 3))}),
        (convex, {"prediction": np.ones((6, 2))}),
        (convex, {"gradient": np.ones((6, 2))}),
        (smoothness, {"inputs": np.ones((1, 3))}),
        (conservation, {"after": np.ones((1, 3))}),
    ],
)
def test_other_shapes_are_refused(loss, changed):
    with pytest.raises(ValueError, match="shape"):
        of(loss, data() | changed)


@pytest.mark.parametrize(
    ("loss", "settings"), [(sobolev, {"weight": -1.0}), (smoothness, {"bandwidth": 0.0})]
)
def test_settings_outside_their_bounds_are_refused(loss, settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        of(loss, data(), **settings)


def test_a_causal_residual_waits_for_what_is_earlier():
    rows, time = np.array([[1.0], [2], [3], [0.5]]), np.array([0.1, 0.3, 0.1, 0.2])
    before = np.array([0, (1 + 9) / 2 + 0.25, 0, (1 + 9) / 2])
    expected = np.mean(np.exp(-0.4 * before) * rows[:, 0] ** 2)
    found = causal_residual(tf.constant(rows), tf.constant(time), tolerance=0.4)
    assert float(found) == pytest.approx(expected)


def test_values_on_given_slopes():
    given = data()
    assert_agrees(residual, given_to(residual), np.mean(given["expression"] ** 2, axis=1))
    wrong = np.minimum(given["gradient"], 0) ** 2
    assert_agrees(monotonic, given_to(monotonic), wrong.mean(axis=1))
    apart = (keras.losses.mean_squared_error(given[a], given[b]) for a, b in SOBOLEV)
    values, slopes = (np.asarray(one, float) for one in apart)
    assert_agrees(sobolev, given_to(sobolev), values + 2 * slopes, weight=2.0, rtol=1e-6)


SOBOLEV = (("labels", "prediction"), ("slope", "gradient"))


def given_to(loss):
    return {name: data()[name] for name in loss.signature.positional}
