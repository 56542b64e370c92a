"""`--balance NAME`: which terms it takes, and what it refuses."""

from __future__ import annotations

import pytest

from tfloss.comparison.ranges import rewritten
from tfloss.errors import UsageError
from tfloss.objective.balance_shorthand import with_balance


@pytest.mark.parametrize(
    ("formula", "balance", "expected"),
    [
        ("bce + 0.1*kl + 1e-3*l2", "pcgrad", "pcgrad(bce, 0.1*kl) + 0.001*l2"),
        (
            "l2('*/kernel') + bce + mse",
            "dwa:temperature=1",
            "dwa(bce, mse, temperature=1) + l2('*/kernel')",
        ),
        ("bce - kl - 0.1*l1", "pcgrad", "pcgrad(bce, -kl) - 0.1*l1"),
        (
            "bce + kl + constrain(mse, below=0.1)",
            "gradnorm:by='hidden1/*'",
            "gradnorm(bce, kl, by='hidden1/*') + constrain(mse, below=0.1)",
        ),
        ("bce + abs(sum(kl))", "uncertainty", "uncertainty(bce, abs(sum(kl)))"),
        ("bce + kl", "none", "bce + kl"),
    ],
)
def test_data_terms_go_inside(registry, formula, balance, expected):
    assert with_balance(formula, balance, registry) == expected


@pytest.mark.parametrize(
    ("formula", "balance", "sentence"),
    [
        ("bce + l2", "pcgrad", "has 1 with data: bce"),
        ("l2 + l1", "pcgrad", "only penalties"),
        ("bce + kl", "pcgard", "Did you mean 'pcgrad'"),
        ("bce + kl", "dwa:heat=1", "has no setting 'heat'"),
        ("bce + kl", "constrain:below=1", "takes a balance"),
        ("bce + kl", "dwa:2", "takes a balance"),
        ("bce + kl", "dwa:by=hidden1", "looks at losses only"),
        ("pcgrad(bce, kl)", "dwa", "by 'pcgrad' already"),
    ],
)
def test_what_is_refused(registry, formula, balance, sentence):
    with pytest.raises(UsageError, match=sentence):
        with_balance(formula, balance, registry)


def test_ranges_stay_ranges(registry):
    text = rewritten("bce + {0.1..10:log}*kl", lambda one: with_balance(one, "pcgrad", registry))
    assert text == "pcgrad(bce, {0.1..10:log}*kl)"
