"""What a formula does, in words."""

from __future__ import annotations

import pytest

import tfloss
from tests.objective.builders import SCOPE
from tfloss.objective import Entry, Objective, Scope
from tfloss.objective.explain import bindings_of, definitions_of, shape_text, terms_of


@pytest.fixture(scope="module")
def own(registry):
    @tfloss.loss(latex=r"\ell")
    def drawn(labels, logits, *, gamma=2.0):
        """A loss with a definition."""

    @tfloss.loss
    def plain(labels):
        """A loss with a sentence only."""

    @tfloss.loss(per="batch")
    def whole(weights):
        """A loss of a batch."""

    @tfloss.loss(per="batch")
    def together(labels):
        """A loss of the rows of a batch."""

    return tfloss.Registry(registry.plugins).add(drawn, plain, whole, together)


def explained(formula, registry):
    return Objective(formula, registry, SCOPE, allow_negative=True)


@pytest.mark.parametrize(
    ("formula", "rows"),
    [
        ("plain", [("plain", "1", "plain", "", "mean")]),
        ("-0.5*whole", [("whole", "-0.5", "whole", "", "one per batch")]),
        ("together", [("together", "1", "together", "", "one per batch of all replicas")]),
        ("drawn(gamma=3)", [("drawn(gamma=3)", "1", "drawn", "gamma=3", "mean")]),
        (
            "linear(0, 1, steps=5)*plain",
            [("plain", "linear(0, 1, steps=5)", "plain", "", "mean")],
        ),
        (
            "2*linear(0, 1, steps=5)*plain",
            [("plain", "2*linear(0, 1, steps=5)", "plain", "", "mean")],
        ),
        (
            "sum(drawn) + plain*max(plain)",
            [
                ("sum(drawn)", "1", "drawn", "gamma=2.0", "sum"),
                ("plain*max(plain)", "1", "plain", "", "mean"),
                ("plain*max(plain)", "1", "plain", "", "max"),
            ],
        ),
    ],
)
def test_terms(own, formula, rows):
    assert terms_of(explained(formula, own)) == rows


def test_definitions(own):
    assert definitions_of(explained("drawn + plain + drawn(gamma=1)", own)) == [
        ("drawn", r"\ell"),
        ("plain", "A loss with a sentence only."),
    ]


def test_bindings(own):
    assert bindings_of(explained("plain + plain(hidden1 - hidden2 + labels)", own)) == [
        ("plain", "labels", "labels", "(batch, 1)", "data"),
        (
            "plain(hidden1 - hidden2 + labels)",
            "labels",
            "hidden1 - hidden2 + labels",
            "hidden1 (batch, 4), hidden2 (batch, 4), labels (batch, 1)",
            "student layer, data",
        ),
    ]
    assert bindings_of(explained("whole('*/bias')", own)) == [
        ("whole('*/bias')", "weights", "logits/bias", "", "student's weight")
    ]


def test_shapes():
    assert shape_text(None) == ""
    assert shape_text(()) == "()"
    assert shape_text((None,)) == "(batch,)"
    assert shape_text((None, 3)) == "(batch, 3)"


def test_an_objective_prints_what_is_bound_to_what(registry):
    entries = [Entry(name, "data", (None, 1), known_outside=True) for name in ("labels", "logits")]
    objective = Objective("bce + 0.5*mse(labels, logits)", registry, Scope(entries))
    lines = str(objective).splitlines()
    assert lines[0] == "bce + 0.5*mse(labels, logits)"
    assert [line.split() for line in lines[1:]] == [
        ["bce", "labels", "labels", "(batch,", "1)", "data"],
        ["bce", "logits", "logits", "(batch,", "1)", "data"],
        ["mse(labels,", "logits)", "labels", "labels", "(batch,", "1)", "data"],
        ["mse(labels,", "logits)", "prediction", "logits", "(batch,", "1)", "data"],
    ]
