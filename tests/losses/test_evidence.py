"""The evidential loss against sampling-free moments of scipy's Dirichlet distribution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, special, stats

from tfloss_losses.evidence import evidential

from .checks import (
    assert_derivative,
    assert_finite_and_equal_modes,
    assert_refuses_other_shapes,
    cases,
    moderate,
    of,
)

FAMILY = tuple(cases(evidential, columns=(2, 3)))
SMOOTH = [one for one in FAMILY if "extreme" not in one.label]


@pytest.mark.parametrize("chosen", FAMILY, ids=str)
def test_finite_and_the_same_in_every_mode(chosen):
    assert_finite_and_equal_modes(FAMILY, chosen)


@pytest.mark.parametrize("chosen", SMOOTH, ids=str)
def test_derivative(chosen):
    assert_derivative(chosen)


def test_other_shapes_are_refused():
    assert_refuses_other_shapes(evidential, (2, 3))


def test_the_error_is_its_mean_under_the_dirichlet():
    data = moderate(3)
    for value, y, z in zip(
        of(evidential, data, penalty=0.0), data["labels"], data["logits"], strict=True
    ):
        belief = stats.dirichlet(1 + np.maximum(z, 0))
        expected = np.sum((y - belief.mean()) ** 2 + belief.var())
        assert value == pytest.approx(expected)


def test_the_penalty_is_the_divergence_from_ignorance():
    """Of two classes, a Beta distribution, whose divergence from the uniform is one integral."""
    labels, logits = np.array([[1.0, 0.0]]), np.array([[2.0, 3.0]])
    belief = stats.beta(4.0, 1.0)  # evidence for the right class does not count

    def density(x):
        return special.xlogy(belief.pdf(x), belief.pdf(x))

    expected = integrate.quad(density, 0, 1)[0]
    given = {"labels": labels, "logits": logits}
    found = of(evidential, given, penalty=1.0) - of(evidential, given, penalty=0.0)
    assert found[0] == pytest.approx(expected)


def test_the_penalty_of_three_classes_is_that_of_scipys_entropies():
    data = moderate(3)
    found = of(evidential, data, penalty=1.0) - of(evidential, data, penalty=0.0)
    for value, y, z in zip(found, data["labels"], data["logits"], strict=True):
        belief = stats.dirichlet(y + (1 - y) * (1 + np.maximum(z, 0)))
        # The uniform density over the triangle is 2 = Γ(3) everywhere.
        assert value == pytest.approx(-belief.entropy() - np.log(2), abs=1e-9)


def test_one_column_and_a_negative_penalty_are_refused():
    with pytest.raises(ValueError, match="column"):
        of(evidential, moderate(1))
    with pytest.raises(ValueError, match="penalty"):
        of(evidential, moderate(3), penalty=-1.0)
