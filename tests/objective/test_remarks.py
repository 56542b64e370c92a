"""Sentences at the end of a training, of curves written by hand."""

from __future__ import annotations

import pytest

from tests.objective.builders import SCOPE
from tfloss.formula import parse, to_text
from tfloss.objective import Objective
from tfloss.objective.remarks import gradient_remarks, remarks_of, static_formula


@pytest.mark.parametrize(
    ("formula", "static"),
    [
        ("pcgrad(bce, 0.5*binary_kl) + 1e-3*l2", "2*bce + 0.25*binary_kl + 0.001*l2"),
        ("l2 + pcgrad(2*(bce + abs_kl), binary_kl)", "l2 + 4*(bce + abs_kl) + 0.5*binary_kl"),
        (
            "pcgrad(bce, linear(0, 1, epochs=3)*binary_kl)",
            "2*bce + 0.5*(linear(0, 1, epochs=3)*binary_kl)",
        ),
        (
            "pcgrad(bce, binary_kl) + constrain(abs_kl, below=0.1)",
            "2*bce + 0.5*binary_kl + constrain(abs_kl, below=0.1)",
        ),
        ("bce + binary_kl", None),
    ],
)
def test_the_static_formula_can_be_copied(registry, formula, static):
    objective = Objective(formula, registry, SCOPE)
    first = "bce + abs_kl" if "(bce + abs_kl)" in formula else "bce"
    curves = {f"weight({first})": [1.0, 3.0], "weight(binary_kl)": [0.5, 0.5]}
    found = static_formula(objective, curves)
    assert found == (static and to_text(parse(static)))
    if found:
        Objective(found, registry, SCOPE)
        assert found in remarks_of(objective, curves)[0]


def test_weights_of_three_digits_and_none_that_are_not_finite(registry):
    objective = Objective("pcgrad(bce, abs_kl)", registry, SCOPE)
    curves = {"weight(bce)": [0.83123], "weight(abs_kl)": [1.0]}
    assert static_formula(objective, curves) == "0.831*bce + abs_kl"
    assert static_formula(objective, curves | {"weight(abs_kl)": [float("nan")]}) is None
    assert remarks_of(objective, {}) == []


def test_what_is_said_of_a_constraint(registry):
    objective = Objective("bce + constrain(abs_kl, below=0.1)", registry, SCOPE)
    curves = {"violation(abs_kl)": [0.2, 0.03], "multiplier(abs_kl)": [0.0, 0.5]}
    (sentence,) = remarks_of(objective, curves)
    assert "is violated by 0.03" in sentence
    assert "0.5" in sentence
    (sentence,) = remarks_of(objective, curves | {"violation(abs_kl)": [0.2, -0.03]})
    assert "holds" in sentence


def test_what_is_said_of_gradients():
    curves = {
        "loss": [1.0, 1.0],
        "gradient(bce)": [2.0, 2.0],
        "gradient(kl)": [1.0, 1.0],
        "gradient(l2)": [0.001, 0.003],
        "cosine(bce, kl)": [-0.5, 0.1],
        "cosine(bce, l2)": [0.3, 0.3],
        "cosine(kl, l2)": [0.0, -0.1],
    }
    against, hardly = gradient_remarks(curves)
    assert "'bce' and 'kl' pull against each other" in against
    assert "-0.20 on average" in against
    assert "50 %" in against
    assert "'l2' hardly counts" in hardly
    assert "0.1 %" in hardly
    assert gradient_remarks({"loss": [1.0]}) == []


def test_a_term_that_hardly_counts_pulls_against_nothing():
    curves = {
        "gradient(bce)": [1.0],
        "gradient(l2)": [1e-5],
        "cosine(bce, l2)": [-0.9],
    }
    (sentence,) = gradient_remarks(curves)
    assert "'l2' hardly counts" in sentence
