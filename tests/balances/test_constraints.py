"""Constraints on small problems whose solutions and multipliers are known by hand.

The first is min x² + y² under x + y >= 1: x = y = ½ with the multiplier 1. The problems of
Cooper's tests (github.com/cooper-org/cooper, testing/cooper_helpers.py) are of the same kind, a
square norm under linear constraints.
"""

from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy.optimize import minimize

import tfloss
from tests.objective.builders import SCOPE as FULL_SCOPE
from tfloss import tf
from tfloss.formula import FormulaError
from tfloss.objective import Entry, Objective, Scope, plan_terms

SCOPE = Scope([Entry(name, "model", ()) for name in ("f", "g", "h", "k")], weights=("x",))


def descend(objective, tensors, x, steps, rate):
    objective(tensors())  # makes the variables, before the loop is traced

    def one(step):
        with tf.GradientTape() as tape:
            total = objective(tensors(), step=step, training=True).total
        x.assign_sub(rate * tape.gradient(total, x))
        return (step + 1,)

    tf.function(lambda: tf.while_loop(lambda step: step < steps, one, (0,)), autograph=False)()


def solved(formula, start, values, *, steps=3000, rate=0.02):
    """Plain gradient descent on a formula of scalars that are functions of x."""
    objective = Objective(formula, tfloss.load_registry(), SCOPE, allow_negative=True)
    x = tf.Variable(np.array(start, np.float32))

    def tensors():
        return values(x) | {"weights": {"x": x}}

    descend(objective, tensors, x, steps, rate)
    last = objective(tensors())
    return x.numpy(), dict(zip(objective.names, map(float, last.terms), strict=True))


def circle(x):
    return {"f": tf.reduce_sum(x**2), "g": tf.reduce_sum(x), "h": x[0], "k": x[1]}


@pytest.mark.parametrize(
    "settings",
    ["rate=0.1", "rate=0.1, penalty=10", "rate=0.1, proportional=1, smoothing=0.5"],
)
@pytest.mark.parametrize(
    ("bound", "point", "multiplier"),
    [("above=1", 0.5, 1), ("equal=1", 0.5, -1), ("below=-2", -1, 2), ("above=-1", 0, 0)],
)
def test_the_nearest_point_of_a_half_plane(bound, point, multiplier, settings):
    x, logged = solved(f"f + constrain(g, {bound}, {settings})", [2.0, -1.0], circle)
    np.testing.assert_allclose(x, [point, point], atol=2e-3)
    assert logged["multiplier(g)"] == pytest.approx(multiplier, abs=1e-2)
    wanted = 0 if multiplier else -1
    assert logged["violation(g)"] == pytest.approx(wanted, abs=5e-3)


def test_two_constraints_of_which_one_binds():
    """min ‖x‖² under x₀ + x₁ >= 1, x₀ >= 0.8 and x₁ = 0.3: (0.8, 0.3), multipliers 0, 1.6, -0.6."""
    formula = (
        "f + constrain(g, above=1, rate=0.1) + constrain(h, above=0.8, rate=0.1)"
        " + constrain(k, equal=0.3, rate=0.1)"
    )
    x, logged = solved(formula, [0.0, 0.0], circle)
    np.testing.assert_allclose(x, [0.8, 0.3], atol=2e-3)
    found = [logged[f"multiplier({name})"] for name in "ghk"]
    np.testing.assert_allclose(found, [0, 1.6, -0.6], atol=1e-2)


@pytest.mark.parametrize("seed", range(2))
def test_a_square_norm_under_linear_constraints_as_scipy_solves_it(seed):
    random = np.random.default_rng(seed)
    a, b = random.normal(size=(3, 5)), random.normal(size=3)
    c, d = random.normal(size=5), 0.7
    best = minimize(
        lambda x: x @ x,
        np.zeros(5),
        constraints=[
            {"type": "ineq", "fun": lambda x: b - a @ x},
            {"type": "eq", "fun": lambda x: c @ x - d},
        ],
        options={"ftol": 1e-12},
    )
    scope = Scope([Entry(n, "model", ()) for n in ("f", "g0", "g1", "g2", "h")], weights=("x",))
    parts = [f"constrain(g{n}, below={b[n]:.9f}, penalty=2, rate=0.2)" for n in range(3)]
    formula = " + ".join(["f", *parts, f"constrain(h, equal={d}, penalty=2, rate=0.2)"])
    objective = Objective(formula, tfloss.load_registry(), scope)
    x = tf.Variable(np.zeros(5, np.float32))

    def values():
        rows = {f"g{n}": tf.tensordot(tf.constant(a[n], tf.float32), x, 1) for n in range(3)}
        h = tf.tensordot(tf.constant(c, tf.float32), x, 1)
        return {"f": tf.reduce_sum(x**2), "h": h, "weights": {"x": x}, **rows}

    descend(objective, values, x, steps=6000, rate=0.02)
    np.testing.assert_allclose(x.numpy(), best.x, atol=5e-3)


def test_the_method_of_multipliers_step_by_step():
    """min x² under x = 1, penalty 2, each Lagrangian minimised in full: x = ½, ¾, ⅞, …"""
    objective = Objective(
        "f + constrain(h, equal=1, penalty=2, rate=2)", tfloss.load_registry(), SCOPE
    )

    def total(x, training=False):
        scalars = dict.fromkeys("gk", tf.constant(0.0))
        return objective({"f": x**2, "h": x, **scalars, "weights": {}}, training=training).total

    seen = []
    for _ in range(4):
        x = tf.Variable(0.0)
        for _ in range(2):  # the total is a parabola of curvature 4: one step is enough
            with tf.GradientTape() as tape:
                value = total(x)
            x.assign_sub(tape.gradient(value, x) / 4)
        seen.append(float(x))
        total(x, training=True)
    np.testing.assert_allclose(seen, [0.5, 0.75, 0.875, 0.9375], rtol=1e-6)


@pytest.mark.parametrize("x", [-3.0, 0.2, 0.9, 5.0])
@pytest.mark.parametrize("multiplier", [0.0, 0.7])
def test_the_proximal_form_of_rockafellar(x, multiplier):
    """(max(0, m + p v)² - m²) / 2p, its value and its slope."""
    penalty, bound = 3.0, 0.5
    objective = Objective(
        f"constrain(h, below={bound}, penalty={penalty})", tfloss.load_registry(), SCOPE
    )
    point = tf.Variable(x)

    def values():
        scalars = dict.fromkeys("fgk", tf.constant(0.0))
        return {"h": point, **scalars, "weights": {}}

    objective(values())
    objective.load({f"{objective.text}/multiplier": np.array([multiplier], np.float32)})
    with tf.GradientTape() as tape:
        outcome = objective(values())
    force = max(0.0, multiplier + penalty * (x - bound))
    assert float(outcome.total) == pytest.approx((force**2 - multiplier**2) / (2 * penalty))
    assert float(tape.gradient(outcome.total, point)) == pytest.approx(force, abs=1e-6)


def test_nu_pi_is_its_recursion():
    errors = np.array([0.5, -0.2, 0.8, 0.1, -0.4])
    objective = Objective(
        "constrain(h, equal=0, rate=0.3, proportional=2, smoothing=0.6)",
        tfloss.load_registry(),
        SCOPE,
    )
    expected, smoothed, seen = 0.0, errors[0], []
    for error in errors:
        scalars = dict.fromkeys("fgk", tf.constant(0.0))
        tensors = {"h": tf.constant(error, tf.float32), **scalars, "weights": {}}
        outcome = objective(tensors, training=True)
        seen.append((float(outcome.terms[1]), expected))
        new = 0.6 * smoothed + 0.4 * error
        expected, smoothed = expected + 0.3 * error + 2 * (new - smoothed), new
    np.testing.assert_allclose(*zip(*seen, strict=True), atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 1.0, 1e4, -1e4])
@pytest.mark.parametrize("settings", ["", ", penalty=10", ", proportional=1"])
def test_values_and_gradients_are_finite(value, settings):
    objective = Objective(f"constrain(h, below=0.5{settings})", tfloss.load_registry(), SCOPE)
    point = tf.Variable(value)
    for _ in range(2):
        with tf.GradientTape() as tape:
            tensors = {"h": point, **dict.fromkeys("fgk", tf.constant(0.0)), "weights": {}}
            total = objective(tensors, training=True).total
        assert np.isfinite(total)
        assert np.isfinite(tape.gradient(total, point))


@pytest.mark.parametrize(
    ("formula", "sentence"),
    [
        ("f + constrain(g)", "one of below=, above= and equal="),
        ("f + constrain(g, below=1, above=0)", "for a range write two constraints"),
        ("f + constrain(g, below=1, smoothing=0.5)", "what proportional= multiplies"),
        ("f + constrain(g, below='much')", "must be a finite number"),
        ("f + constrain(g, below=1, rate=0)", "must be positive"),
        ("f + 0.5*constrain(g, below=1)", "stands alone .* without a coefficient"),
        ("pcgrad(f, constrain(g, below=1))", "stands alone .* in no balance"),
        ("f - constrain(g, below=1)", "cannot be subtracted"),
        ("f + constrain(g, h, below=1)", "takes one term, or a sum"),
        ("f + constrain", "takes one term"),
        ("f + constrain(0.5, below=1)", "has no loss"),
        ("f + constrain(g, below=1, by=x)", "looks at losses only"),
        ("f + constrain(square(g), below=-1)", "is never below 0, so it cannot come down to -1"),
        ("f + constrain(-abs(g), above=1)", "is never above -?0, so it cannot come up to 1"),
    ],
)
def test_what_is_refused(formula, sentence):
    with pytest.raises(FormulaError, match=sentence):
        plan_terms(formula, tfloss.load_registry(), SCOPE)


def test_names_are_unique_and_two_constraints_of_one_text_are_two():
    objective = Objective(
        "f + constrain(g, above=0.1) + constrain(g, below=0.3) + constrain(g, below=0.3)",
        tfloss.load_registry(),
        SCOPE,
    )
    assert objective.names[:4] == (
        "f",
        "constrain(g, above=0.1)",
        "constrain(g, below=0.3)",
        "constrain(g, below=0.3)#2",
    )
    assert len(set(objective.names)) == len(objective.names) == 10
    tensors = {"f": tf.constant(1.0), "g": tf.constant(1.0), "weights": {}}
    objective(tensors, training=True)
    assert len(objective.variables) == 3


def test_a_training_holds_the_bound_at_every_door(tmp_path):
    """The same constraint by fit and attach; its multiplier is saved with the model."""
    random = np.random.default_rng(0)
    x = random.normal(size=(64, 3)).astype(np.float32)
    y = (x[:, :1] > 0).astype(np.float32)
    formula = "bce + constrain(l2('*/kernel'), below=0.5, rate=0.5, penalty=1)"

    def network():
        keras.utils.set_random_seed(0)
        return keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, name="head")])

    model = tfloss.attach(network(), formula)
    model.compile(keras.optimizers.SGD(0.1))
    history = tfloss.fit_model(model, (x, y), batch_size=64, epochs=400).history
    norm = float(np.sum(model.model.layers[-1].kernel.numpy() ** 2))
    assert norm == pytest.approx(0.5, abs=0.02)
    assert history["violation(l2('*/kernel'))"][-1] == pytest.approx(0, abs=0.02)
    last = history["multiplier(l2('*/kernel'))"][-1]
    assert last > 0.1
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    again = loaded.fit(x, y, batch_size=64, epochs=1, verbose=0).history
    assert again["multiplier(l2('*/kernel'))"][0] == pytest.approx(last, abs=0.01)


def test_a_bound_that_always_holds_is_refused():
    parity = "demographic_parity(group=rowweight)"
    plan_terms(f"bce + constrain({parity}, below=0.05)", tfloss.load_registry(), FULL_SCOPE)
    with pytest.raises(FormulaError, match="is never above 1, so the constraint always holds"):
        plan_terms(f"bce + constrain({parity}, below=1)", tfloss.load_registry(), FULL_SCOPE)


def test_a_member_that_can_become_negative_is_refused_whatever_its_losses_are():
    registry = tfloss.load_registry()
    for member in (
        "log(mse(hidden1, hidden2))",
        "(mse(hidden1, hidden2) - bce)",
        "(1 - mse(hidden1, hidden2))",
    ):
        with pytest.raises(FormulaError, match="can become negative"):
            plan_terms(f"uncertainty(bce, {member})", registry, FULL_SCOPE)
    with pytest.raises(FormulaError, match="can become negative"):
        plan_terms(
            "uncertainty(bce, -mse(hidden1, hidden2))", registry, FULL_SCOPE, allow_negative=True
        )
    for member in ("abs(value(hidden1))", "(1 - exp(-bce/2))", "rowweight*bce", "sqrt(bce)/2"):
        plan_terms(f"uncertainty(bce, {member})", registry, FULL_SCOPE)
