"""Any number of replicas trains as one device does: weights, terms and values on the holdout."""

from __future__ import annotations

import pytest

from tests.distributed.cases import assert_same, fit

CASES = "tests.distributed.cases"

# 23 rows in batches of 8: an uneven tail of 7. The first rows' labels are missing, so that one
# replica of a batch has none; 17 rows in batches of 8 leave a tail of one row, and empty slices.
TRAININGS = {
    "plain": {"formula": "mse + 0.1*mae"},
    "missing, weighted": {
        "formula": "mse + 0.3*mse(other) + 0.1*huber",
        "missing": [0, 1, 2, 3, 9, 22],
        "weighted": True,
        "batches": "sequential",
    },
    "tail of one row": {"formula": "mse + 0.1*mae", "rows": 17, "weighted": True},
    "reductions": {"formula": "max(mse) + 0.1*sum(mae) + mse/mean(mae)", "missing": [3, 4]},
    "penalty and schedule": {
        "formula": "mse + linear(0.1, 0.01, epochs=2)*l2(hidden1) + 1e-3*l1('*/kernel')",
    },
}


@pytest.mark.parametrize("name", TRAININGS)
@pytest.mark.parametrize("replicas", [2, 3, 4])
def test_replicas_on_one_machine(many, name, replicas):
    expected = fit(None, **TRAININGS[name])
    (found,) = many.ask(f"{CASES}:fit", replicas=replicas, **TRAININGS[name])
    assert_same(found, expected)


@pytest.mark.parametrize("name", TRAININGS)
def test_two_workers(pair, name):
    expected = fit(None, **TRAININGS[name])
    for found in pair.ask(f"{CASES}:fit", **TRAININGS[name]):
        assert_same(found, expected)
