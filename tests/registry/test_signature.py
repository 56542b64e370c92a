"""What is read from the annotations of a declared function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import pytest

import tfloss
from tfloss.constraints import Above, AtLeast, Each, Except, Interval
from tfloss.errors import PluginError


def declared(
    labels: Any,
    logits: Any,
    *,
    gamma: Annotated[float, AtLeast(0)] = 2.0,
    order: Annotated[float, Above(0), Except(1, "use kl")] = 2.0,
    alpha: Annotated[float, Interval(0, 1)] | None = None,
    counts: Annotated[Sequence[float], Each(Above(0))] | None = None,
    steps: int = 3,
    bins: Annotated[int, AtLeast(1)] = 15,
    plain: float = 1.0,
    unknown: NotThere = None,  # noqa: F821 - as a type checker alone would know it
) -> Any:
    return 0.0


LOSS = tfloss.loss(same_shape=("labels", "logits"))(declared)


def test_the_rules_are_listed():
    assert {name: str(rule) for name, rule in LOSS.signature.rules.items()} == {
        "gamma": "≥ 0",
        "order": "> 0, not 1",
        "alpha": "[0, 1], or none",
        "counts": "each > 0, or none",
        "steps": "whole",
        "bins": "whole, ≥ 1",
    }


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"gamma": -1}, "'gamma' of 'declared' is -1 but must not be negative"),
        ({"gamma": None}, "'gamma' of 'declared' is None but must be given"),
        ({"gamma": "two"}, "is 'two' but must be a finite number"),
        ({"order": 1}, "is 1 but must not be 1; use kl"),
        ({"alpha": 2}, "must lie in"),
        ({"counts": (1, 0)}, "must be positive, each"),
        ({"steps": 2.5}, "must be a whole number"),
        ({"steps": True}, "must be a whole number"),
        ({"bins": 0}, "must be 1 or more"),
    ],
)
def test_a_direct_call_refuses_what_is_not_allowed(settings, words):
    with pytest.raises(ValueError, match=words):
        LOSS(np.zeros((2, 1)), np.zeros((2, 1)), **settings)


def test_what_is_allowed_reaches_the_function():
    assert LOSS(np.zeros(2), np.zeros(2), gamma=0, alpha=None, counts=(1, 2), steps=4) == 0.0


def test_shapes_are_compared_before_the_function_is_called():
    with pytest.raises(ValueError, match=r"'labels' has shape \(2, 1\) but 'logits' has shape \(2"):
        LOSS(np.zeros((2, 1)), logits=np.zeros((2, 3)))


def test_same_shape_names_tensors_of_the_loss():
    with pytest.raises(PluginError, match="names 'logit', which is none of its tensors"):
        tfloss.loss(same_shape=("labels", "logit"))(declared)


def test_several_groups_of_shapes():
    @tfloss.loss(same_shape=(("a", "b"), ("c", "d")))
    def grouped(a, b, c, d):
        return 1.0

    one, other = np.zeros((2, 1)), np.zeros((2, 3))
    assert grouped(one, one, other, other) == 1.0
    with pytest.raises(ValueError, match="'c' has shape"):
        grouped(one, one, other, one)


def test_a_default_that_its_own_rule_forbids_is_the_plugins_fault():
    def wrong(logits: Any, *, gamma: Annotated[float, AtLeast(0)] = -1.0) -> Any:
        return logits

    with pytest.raises(PluginError, match=r"'gamma' the default -1\.0, which must not be negative"):
        tfloss.loss(wrong)


def test_an_annotation_that_cannot_be_read_is_named():
    def wrong(logits: Any, *, gamma: Annotated[float, Nowhere(0)] = 1.0) -> Any:  # noqa: F821
        return logits

    with pytest.raises(PluginError, match=r"annotation of 'gamma' .* cannot be read: NameError"):
        tfloss.loss(wrong)


@pytest.mark.parametrize("default", [1.0, None])
def test_a_rule_offers_ends_that_it_allows(default):
    rule = LOSS.signature.rules["bins"]
    assert rule.examples(15) == [1, 29]
    assert LOSS.signature.rules["alpha"].examples(default) == [0, 1]
