"""Any number of replicas trains as one device does: weights, terms and values on the holdout."""

from __future__ import annotations

import pytest

from tests.distributed.cases import assert_same, fit, fit_model, fit_stream

FIT = "tests.distributed.cases:fit"

# 23 rows in batches of 8 leave an uneven tail of 7. The first rows' labels are missing, so that one
# replica of a batch has none.
MISSING = {
    "formula": "mse + 0.3*mse(other) + linear(0.1, 0.01, epochs=2)*l2(hidden1) + huber/mean(mae)",
    "missing": [0, 1, 2, 3, 9, 22],
    "weighted": True,
    "batches": "sequential",
}
# A tail of one row: all slices of the last batch but one are empty.
TAIL = {"formula": "mse + 0.1*max(mae)", "rows": 17, "weighted": True, "optimizer": "adam"}


@pytest.fixture(scope="module")
def expected():
    return {"missing": fit(None, **MISSING), "tail": fit(None, **TAIL)}


def test_replicas_on_one_machine(many, expected):
    (found,) = many.ask(FIT, replicas=3, **MISSING)
    assert_same(found, expected["missing"])
    (found,) = many.ask(FIT, replicas=4, in_scope=True, **TAIL)
    assert_same(found, expected["tail"])
    assert found["compiled_as"] == "graph"
    assert "4 replicas" in found["because"]


def test_two_workers(pair, expected):
    for found in pair.ask(FIT, **MISSING):
        assert_same(found, expected["missing"])
    for found in pair.ask(FIT, **TAIL):
        assert_same(found, expected["tail"])


def test_a_model_of_ones_own_on_two_workers(pair):
    """Where Keras' own `fit` stops at the first batch."""
    expected = fit_model(None)
    for found in pair.ask("tests.distributed.cases:fit_model", door="attach"):
        assert_same(found, expected)


def test_a_stream_on_two_workers(pair):
    expected = fit_stream(None)
    for found in pair.ask("tests.distributed.cases:fit_stream"):
        assert_same(found, expected)
