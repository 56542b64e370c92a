"""Ranges in a formula's text."""

from __future__ import annotations

import numpy as np
import pytest

from tfloss.comparison.ranges import expand
from tfloss.errors import UsageError
from tfloss.formula import parse


def test_a_formula_without_ranges_is_itself():
    assert expand("bce + 0.1*abs_kl") == ["bce + 0.1*abs_kl"]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("{0.1, 1, 10}", [0.1, 1, 10]),
        ("{2}", [2]),
        ("{0..1:5}", np.linspace(0, 1, 5)),
        ("{0..1:lin:3}", np.linspace(0, 1, 3)),
        ("{0.01..10:log:7}", np.geomspace(0.01, 10, 7)),
        ("{1e-3..1e3:log:4}", np.geomspace(1e-3, 1e3, 4)),
        ("{-1..1:3}", [-1, 0, 1]),
    ],
)
def test_a_range_is_numpys(text, values):
    found = [float(one.removesuffix("*kl")) for one in expand(f"{text}*kl")]
    np.testing.assert_allclose(found, values, rtol=1e-5, atol=1e-12)


def test_several_ranges_give_every_combination():
    found = expand("bce + {1, 2}*kd(temperature={3, 4})")
    assert found == [f"bce + {a}*kd(temperature={b})" for a in (1, 2) for b in (3, 4)]
    for formula in found:
        parse(formula)


@pytest.mark.parametrize(
    "text",
    ["{}", "{a}", "{1..2}", "{1..2:log}", "{0..1:log:3}", "{1..2:1}", "{1..2:2.5}", "{1,,2}",
     "{1..1e999:3}", "{0..1:1001}", "{1..2:40}{1..2:40}", "{1..2:cubic:3}"],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(text):
    with pytest.raises(UsageError):
        expand(f"bce + {text}*kl")


def test_a_brace_left_over_is_refused_by_the_formula():
    with pytest.raises(UsageError, match="not expected"):
        parse(expand("bce + {1, 2*kl")[0])
