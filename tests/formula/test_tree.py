"""Formulas built in Python are the formulas that their text means."""

from __future__ import annotations

import math

import pytest

import tfloss
from tfloss.formula import Name, Number, as_node, parse

a, b, c = Name("a"), Name("b"), Name("c")


@pytest.mark.parametrize(
    ("built", "text"),
    [
        (a + b + c, "a + b + c"),
        (a + (b + c), "a + (b + c)"),
        (a - b - 1, "a - b - 1"),
        (1 - a, "1 - a"),
        (0.1 * a + b / 2, "0.1*a + b/2"),
        (2 / a * b, "2/a*b"),
        (-a * b, "-a*b"),
        (-(a * b), "-(a*b)"),
        (a**2, "a**2"),
        (2**a, "2**a"),
        ((-a) ** 2, "(-a)**2"),
        (abs(a - b), "abs(a - b)"),
        (-2 * a, "-2*a"),
        (a * (b + c), "a*(b + c)"),
    ],
)
def test_operators_build_what_the_text_means(built, text):
    assert built == parse(text)
    assert str(built) == text


def test_declared_losses_take_part():
    @tfloss.loss
    def own(labels, *, gamma=2.0):
        return labels

    assert own + 0.1 * own.term(gamma=3) == parse("own + 0.1*own(gamma=3)")
    assert 2 * own - own / 2 == parse("2*own - own/2")
    assert own.term("rf", gamma=[1, -2.5]) == parse("own(rf, gamma=[1, -2.5])")
    assert own.term(labels="a - b", gamma=None) == parse("own(labels=a - b, gamma=none)")
    assert own.term(gamma="text") == parse("own(gamma='text')")
    assert own.term(gamma=True) == parse("own(gamma=true)")


@pytest.mark.parametrize("wrong", [True, math.nan, math.inf, -math.inf, [1], object(), None])
def test_what_is_no_part_of_a_formula_is_refused(wrong):
    with pytest.raises(TypeError, match="part of a formula"):
        as_node(wrong)
    with pytest.raises(TypeError):
        a + wrong


def test_places_do_not_count_for_equality():
    assert parse("a   +   b") == a + b
    assert hash(parse("a + b")) == hash(a + b)
    assert repr(parse("a + b")) == repr(a + b)
    assert parse("a + b").operands[1].span == (4, 5)
    assert (a + b).operands[1].span is None


def test_a_chain_goes_from_its_first_to_its_last_operand():
    assert parse(" a  + b*c ").span == (1, 9)
    assert parse("x - (a + b)").operands[1].span == (4, 11)
    assert parse("f(a, x=[b, c]) + d").operands[0].kwargs[0][1].span == (7, 13)
    for mixed in (parse("a") + b, a + parse("b"), a + b):
        assert mixed.span is None


def test_zero_is_a_number_without_a_sign():
    assert as_node(0) == Number(0)
    assert str(a + 0.0) == "a + 0.0"


def test_walking_sees_every_node_once():
    assert [str(node) for node in parse("f(a, x=b) + 2").walk()] == [
        "f(a, x=b) + 2",
        "f(a, x=b)",
        "a",
        "b",
        "2",
    ]
    assert Number(2) in list(parse("f(a, x=b) + 2").walk())


@pytest.mark.parametrize("value", [True, math.inf, math.nan, -1, -0.5])
def test_what_is_no_number_of_a_formula_makes_no_node(value):
    with pytest.raises(ValueError, match="cannot be a number"):
        Number(value)
