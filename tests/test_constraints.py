"""Rules of settings: what they refuse, how they say it, which values they offer."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tfloss.constraints import Above, AtLeast, Each, Except, Interval, Length, OneOf, PerColumn


@pytest.mark.parametrize(
    ("rule", "allowed", "refused", "words", "listed"),
    [
        (AtLeast(0), (0, 0.5, 7, np.float32(1)), (-1e-9, -1), "must not be negative", "≥ 0"),
        (AtLeast(1), (1, 2.5), (0.99,), "must be 1 or more", "≥ 1"),
        (Above(0), (1e-30, 4), (0, -1), "must be positive", "> 0"),
        (Above(-1), (-0.5,), (-1,), "must be above -1", "> -1"),
        (Interval(0, 1), (0, 1, 0.3), (-0.1, 1.1), "must lie in [0, 1]", "[0, 1]"),
        (Interval(0, 1, "left"), (0, 0.99), (1,), "must lie in [0, 1)", "[0, 1)"),
        (Interval(0, 1, "neither"), (0.5,), (0, 1), "must lie between 0 and 1", "(0, 1)"),
        (Interval(None, 2), (2, -9), (2.1,), "must be 2 or less", "≤ 2"),
        (Interval(None, 2, "left"), (1,), (2,), "must be below 2", "< 2"),
        (OneOf("hard", "semihard"), ("hard",), ("soft",), "must be 'hard' or 'semihard'", None),
        (Except(1, "use kl"), (0.9, 2), (1, 1.0), "must not be 1; use kl", "not 1"),
        (Length(2), ([], (1,)), (), "", "2 entries or more"),
        (Length(2, 2), ((1, 2),), ((1,), (1, 2, 3)), "must have 2 entries", "2 entries"),
        (Each(Above(0)), ((1, 2), ()), ((1, 0),), "must be positive, each", "each > 0"),
    ],
)
def test_a_rule_refuses_what_it_says(rule, allowed, refused, words, listed):
    if rule == Length(2):
        assert rule.refusal((1,)) == "must have 2 entries or more"
        return
    assert [rule.refusal(value) for value in allowed] == [None] * len(allowed)
    assert [rule.refusal(value) for value in refused] == [words] * len(refused)
    assert listed is None or str(rule) == listed


@pytest.mark.parametrize("value", [True, "1", None, (1,), math.nan, math.inf])
def test_an_interval_takes_finite_numbers_only(value):
    assert Interval().refusal(value) == "must be a finite number"


@pytest.mark.parametrize("value", ["ab", 3])
@pytest.mark.parametrize("rule", [Length(2), Each(Above(0))])
def test_a_rule_for_lists_takes_lists_only(rule, value):
    assert rule.refusal(value) == "must be a [list]"


def test_a_number_may_stand_for_a_list_of_such():
    rule = Each(Above(0), alone=True)
    assert rule.refusal(2) is None
    assert rule.refusal([1, 2]) is None
    assert rule.refusal(0) == "must be positive"
    assert rule.refusal((1, 0)) == "must be positive, each"
    assert PerColumn("logits").refusal([]) == "must not be empty"
    assert rule.examples(1.0) == Above(0).examples(1.0)
    assert rule.search_range(1.0) == Above(0).search_range(1.0)


@pytest.mark.parametrize(
    ("rule", "default", "examples"),
    [
        (Interval(0, 1), 0.2, (0, 1)),
        (Interval(0, 1, "neither"), 0.2, (0.01, 0.99)),
        (AtLeast(0), 2.0, (0, 20)),
        (AtLeast(1), 1, (1, 3)),
        (AtLeast(1), 100, (1, 199)),
        (Above(0), 4.0, (0.4, 40)),
        (Interval(None, 0), -3.0, (-30, 0)),
        (Interval(), 3.0, (-30, 30)),
        (Interval(), None, (-10, 10)),
        (OneOf("a", "b"), "a", ("a", "b")),
    ],
)
def test_both_ends_are_offered_and_are_allowed(rule, default, examples):
    assert rule.examples(default) == pytest.approx(examples)
    assert all(rule.refusal(value) is None for value in rule.examples(default))


def test_a_scale_is_searched_logarithmically_around_its_default():
    assert Above(0).search_range(4.0) == "0.4..40:log"
    assert AtLeast(0).search_range(2.0) == "0..20"
    assert Interval(0, 1, "neither").search_range(0.5) == "0.01..0.99"
    assert OneOf(1, 2).search_range(1) == "1, 2"
