"""What runs write can be read by any program."""

from __future__ import annotations

import json

from tfloss.io.strict_json import as_json


def test_numbers_that_are_none_are_null_at_any_depth():
    value = {"r2": float("nan"), "rows": [1.5, (float("inf"), -2, "x", None, True)]}

    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    found = json.loads(as_json(value), parse_constant=refuse)
    assert found == {"r2": None, "rows": [1.5, [None, -2, "x", None, True]]}
