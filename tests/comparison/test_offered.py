"""`{}` in a search: the range that a setting declares."""

from __future__ import annotations

from typing import Annotated

import pytest

import tfloss
from tfloss.comparison.search.offered import with_offered_ranges
from tfloss.comparison.search.study import Plan
from tfloss.constraints import Above, AtLeast, Interval, OneOf
from tfloss.errors import UsageError
from tfloss.registry import registry_with


@tfloss.loss()
def ranged(
    labels,
    probs,
    *,
    sharp: Annotated[float, Above(0)] = 4.0,
    share: Annotated[float, Interval(0, 1)] = 0.5,
    count: Annotated[int, AtLeast(1)] = 3,
    kind: Annotated[str, OneOf("a", "b")] = "a",
    free: float = 1.0,
):
    return labels


@pytest.fixture(scope="module")
def known(registry):
    return registry_with(registry, [ranged])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("bce + {0..1}*l2", "bce + {0..1}*l2"),
        ("bce + ranged(sharp={})", "bce + ranged(sharp={0.4..40:log})"),
        (
            "{0.1..1}*bce + ranged(share={ }, sharp={2..3})",
            "{0.1..1}*bce + ranged(share={0..1}, sharp={2..3})",
        ),
        ("ranged(count={})", "ranged(count={1, 3, 5})"),
    ],
)
def test_a_setting_offers_what_it_declares(known, text, found):
    assert with_offered_ranges(text, known) == found
    assert Plan.of(text, {}, known).formula == found
    assert Plan.of(text, {}, known).space.ranges


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("bce + {}*l2", "coefficient"),
        ("ranged(free={})", "'free' of 'ranged' declares no range"),
        ("ranged(kind={})", "'kind' of 'ranged' declares no range"),
        ("ranged(unknown={})", "'unknown' of 'ranged'"),
        ("nothing(at={})", "'at' of 'nothing'"),
    ],
)
def test_where_none_is_declared_it_says_which_is_needed(known, text, word):
    with pytest.raises(UsageError, match=word):
        with_offered_ranges(text, known)
