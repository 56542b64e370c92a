"""Workers that are to train different things are refused, with what differs."""

from __future__ import annotations

import pytest

from tfloss.cluster.differences import require_same
from tfloss.errors import UsageError


def name(index):
    return f"worker {index}"


SAME = {"formula": "bce", "data": {"rows": 5, "sha256": "ab"}, "teacher": ["gpc"]}


def test_equal_ones_pass():
    require_same([SAME, dict(SAME), dict(SAME)], name)


@pytest.mark.parametrize(
    ("other", "line"),
    [
        ({**SAME, "formula": "ce"}, "formula: bce at worker 0, ce at worker 2"),
        (
            {**SAME, "data": {"rows": 5, "sha256": "cd"}},
            "data.sha256: ab at worker 0, cd at worker 2",
        ),
        ({**SAME, "teacher": []}, 'teacher: ["gpc"] at worker 0, [] at worker 2'),
        ({**SAME, "versions": {"keras": "3"}}, "at worker 0, {"),
    ],
)
def test_what_differs_is_named(other, line):
    with pytest.raises(UsageError) as refused:
        require_same([SAME, SAME, other], name)
    assert line in str(refused.value)
    assert "different things" in str(refused.value)
