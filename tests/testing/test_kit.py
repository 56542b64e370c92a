"""How the kit is used, and what it says."""

from __future__ import annotations

import numpy as np
import pytest

import tfloss
from tests.testing.broken_losses import broadcasts, swallows_nan, where_hides_infinity
from tfloss import tf
from tfloss.errors import UsageError
from tfloss.objective import Entry, Objective, Scope
from tfloss.testing import (
    DOMAINS,
    Domain,
    all_checks,
    check_loss,
    parametrize_with_checks,
)
from tfloss.testing.domains import parameters_of
from tfloss.testing.in_objective import registry_with
from tfloss.testing.shrink import smallest


@tfloss.loss(latex=r"(y-\hat y)^2", range=(0, None), zero_at_optimum=True, symmetric=True)
def sound(labels, prediction):
    """Squared error.

    labels, prediction: (batch, k).
    Returns (batch,).  Source: Gauss 1809.
    """
    if labels.shape != prediction.shape:
        raise ValueError("the shapes differ")
    return tf.reduce_mean(tf.math.squared_difference(labels, prediction), axis=-1)


@tfloss.loss(latex=r"e^z-yz", domains={"labels": "counts", "prediction": "log_amounts"})
def of_counts(labels, prediction):
    """Poisson.

    labels, prediction: (batch, k).
    Returns (batch,).  Source: Poisson 1837.
    """
    if labels.shape != prediction.shape:
        raise ValueError("the shapes differ")
    return tf.reduce_mean(tf.exp(prediction) - labels * prediction, axis=-1)


@tfloss.loss(latex="y", exempt={"NaN is not swallowed": "missing values count as zero on purpose"})
def on_purpose(labels, prediction):
    """Squared error that ignores NaN.

    labels, prediction: (batch, k).
    Returns (batch,).  Source: none.
    """
    return swallows_nan(labels, prediction)


def failures(loss, **more):
    return {r.check: r.message for r in check_loss(loss, **more) if r.status == "failed"}


@parametrize_with_checks([sound, of_counts, on_purpose])
def test_the_line_that_an_author_writes(check):
    check()


def test_a_decorated_test_has_a_name_per_check_and_loss():
    mark = parametrize_with_checks([sound]).mark
    names = [case.id for case in mark.args[1]]
    assert names == [f"sound-{check.name}" for check in all_checks()]
    assert len(names) >= 20


def test_a_failure_shows_the_smallest_input():
    message = failures(broadcasts, checks=["refuses shapes that do not match"])
    text = message["refuses shapes that do not match"]
    assert "(1, 1)" in text
    assert "Smallest input that fails: labels=[[" in text


def test_a_gradient_that_is_not_finite_shows_one_row_and_two_columns():
    text = failures(where_hides_infinity, checks=["finite gradients"])["finite gradients"]
    assert "teacher=[[1., 0.]]" in text
    assert "tf.where" in text


def test_domains_can_be_said_where_the_check_is_called():
    plain = tfloss.loss(of_counts.function, latex="x")
    assert "finite values" in failures(plain)
    said = {"labels": "counts", "prediction": "log_amounts"}
    assert not failures(plain, domains=said)


def test_a_domain_of_ones_own():
    small = Domain(
        "small",
        "between -5 and 5",
        lambda rng, rows, columns: rng.uniform(-5, 5, (rows, columns)),
        lambda columns: np.full((2, columns), 5.0),
    )
    plain = tfloss.loss(of_counts.function, latex="x")
    assert not failures(plain, domains={"labels": "counts", "prediction": small})


def test_names_of_domains_and_parameters_are_checked():
    with pytest.raises(UsageError, match="Did you mean 'counts'"):
        parameters_of(("labels",), {"labels": "count"})
    with pytest.raises(UsageError, match="no tensor of the loss"):
        parameters_of(("labels",), {"label": "counts"})


@pytest.mark.parametrize("domain", DOMAINS.values(), ids=lambda domain: domain.name)
def test_a_domain_has_rows(domain):
    rng = np.random.default_rng(0)
    if domain.name == "weights":
        return
    for columns in (1, 2, 50):
        assert len(domain.moderate(rng, 5, columns)) == 5
        assert np.all(np.isfinite(domain.edges(columns)))


def test_an_exemption_that_is_not_needed_fails():
    idle = tfloss.loss(sound.function, name="idle", latex="x", exempt={"documented": "no time"})
    assert "take exempt= away" in failures(idle)["documented"]


def test_a_name_that_a_reduction_has_cannot_be_saved():
    clash = tfloss.loss(sound.function, name="mean", latex="x")
    assert "already the reduction" in failures(clash)["saved and loaded"]


def test_smallest_leaves_out_rows_and_columns():
    given = {"x": np.array([[1.0, 2, 3, 4], [1, 2, -3, 4], [1, 2, 3, 4]])}
    found = smallest(given, lambda inputs: bool(np.any(inputs["x"] < 0)))
    assert found["x"].shape == (1, 2)
    assert found["x"].min() == -3


def test_a_nan_is_named_by_its_term():
    scope = Scope([Entry("labels", "data"), Entry("prediction", "student")])
    objective = Objective("sound + 2*sound(labels, 0*prediction)", registry_with(sound), scope)
    tensors = {"labels": tf.zeros((2, 1)), "prediction": tf.constant([[1.0], [np.nan]])}
    outcome = objective(tensors)
    assert not np.isfinite(outcome.terms[0])
    assert objective.names[0] == "sound"
