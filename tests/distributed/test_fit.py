"""Any number of replicas trains as one device does: weights, terms and values on the holdout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.distributed.cases import (
    assert_same,
    data,
    fit,
    fit_model,
    fit_stream,
    interrupted,
)

CASES = "tests.distributed.cases"

# 23 rows in batches of 8 leave an uneven tail of 7. The first rows' labels are missing, so that one
# replica of a batch has none.
MISSING = {
    "formula": "mse + 0.3*mse(other) + linear(0.1, 0.01, epochs=2)*l2(hidden1) + huber/mean(mae)"
    " + 0.1*mse(grad(logits, inputs), 0*inputs)",
    "missing": [0, 1, 2, 3, 9, 22],
    "weighted": True,
    "batches": "sequential",
}
# A tail of one row: most slices of the last batch are empty. Losses about all rows of a batch, a
# function across them, and a loss that holds variables.
TOGETHER = {
    "formula": "max(mse) + 0.1*nt_xent(hidden1, sigmoid(hidden1)) + "
    "0.1*deep_svdd(embedding=hidden1) + 0.2*mse(standardise(hidden1), 0*hidden1)",
    "rows": 17,
    "weighted": True,
    "optimizer": "adam",
}
# Gradients of each term, compared; accumulated and clipped.
GRADIENTS = {
    "formula": "pcgrad(mse, mse(other)) + 0.1*mae",
    "rows": 19,
    "optimizer": "adam:global_clipnorm=0.05,gradient_accumulation_steps=2",
}
SKIPPED = {"formula": "mse + mse(other)", "bad": [2], "on_nan": "skip", "weighted": True}
STOPPED = {
    "formula": "mse",
    "rows": 40,
    "epochs": 12,
    "optimizer": "sgd:learning_rate=0.6",
    "early_stopping": True,
    "validation_fraction": 0.3,
    "n_iter_no_change": 1,
}
BAD = {"formula": "mse + mse(other)", "bad": [5], "batches": "sequential"}


@pytest.fixture(scope="module")
def on_one_device() -> Callable[..., Any]:
    """`fit` without a strategy, once for each training."""
    known: dict[str, Any] = {}

    def trained(training: dict[str, Any]) -> Any:
        key = repr(training)
        if key not in known:
            known[key] = fit(None, **training)
        return known[key]

    return trained


@pytest.mark.parametrize(
    ("training", "replicas"),
    [(MISSING, 3), (TOGETHER, 4), (GRADIENTS, 2), (SKIPPED, 2), (STOPPED, 2)],
    ids=["missing", "together", "gradients", "skipped", "stopped"],
)
def test_replicas_on_one_machine(many, on_one_device, full_size, training, replicas):
    if training in (SKIPPED, GRADIENTS, STOPPED) and not full_size:
        pytest.skip("TFLOSS_TEST_SIZE=full")
    (found,) = many.ask(f"{CASES}:fit", replicas=replicas, in_scope=replicas == 4, **training)
    assert_same(found, on_one_device(training))
    assert found["events"] == on_one_device(training)["events"]
    assert found["compiled_as"] == "graph"
    assert f"{replicas} replicas" in found["because"]


@pytest.mark.parametrize("training", [MISSING, TOGETHER], ids=["missing", "together"])
def test_two_workers(pair, on_one_device, training):
    for found in pair.ask(f"{CASES}:fit", **training):
        assert_same(found, on_one_device(training))


@pytest.mark.parametrize("gather", [True, False])
def test_the_weights_are_those_of_a_descent_by_hand(many, gather):
    (found,) = many.ask(f"{CASES}:fit_linear", replicas=2, gather=gather)
    kernel, bias = _by_hand(gather)
    np.testing.assert_allclose(found["weights"][0], kernel[:, None], rtol=1e-5)
    np.testing.assert_allclose(found["weights"][1], [bias], rtol=1e-5, atol=1e-6)


def _by_hand(gather: bool) -> tuple[np.ndarray, float]:
    """Plain gradient descent in float64; without gathering, the variance is of each half."""
    train = data(11, missing=[0, 1, 2, 9], weighted=True).train
    x, y, there = train.inputs.astype(float), train.labels[:, 0], train.present["labels"]
    assert train.sample_weight is not None
    kernel, bias = np.ones(x.shape[1]), 0.0
    for _ in range(3):
        for batch in (slice(0, 6), slice(6, 11)):
            rows, weight = x[batch], train.sample_weight[batch] * there[batch]
            slope = 2 * weight * (rows @ kernel + bias - y[batch]) / there[batch].sum()
            middle = len(rows) // 2
            spread = np.zeros_like(kernel)
            for part in [rows] if gather else [rows[:middle], rows[middle:]]:
                centred = part - part.mean(axis=0)
                spread += centred.T @ (centred @ kernel) / len(rows)  # half of twice the variance's
            kernel, bias = kernel - 0.1 * (rows.T @ slope + spread), bias - 0.1 * slope.sum()
    return kernel, bias


def test_a_model_of_ones_own_on_two_workers(pair):
    """Where Keras' own `fit` stops at the first batch."""
    expected = fit_model(None)
    for found in pair.ask(f"{CASES}:fit_model", door="attach"):
        assert_same(found, expected)


def test_a_stream_on_two_workers(pair):
    expected = fit_stream(None)
    for found in pair.ask(f"{CASES}:fit_stream"):
        assert_same(found, expected)


def test_nan_on_one_worker_stops_all_with_the_rows(pair):
    one, other = pair.ask(f"{CASES}:refused", **BAD)
    assert one == other
    assert one.startswith("At step 0 the value of 'mse(other)' is not a finite number")
    assert "'other' is not finite in row 5 of the data" in one


def test_another_number_of_replicas_goes_on_from_a_checkpoint(many, tmp_path, full_size):
    folder = str(tmp_path / "checkpoints")
    many.ask(f"{CASES}:interrupted", replicas=3, folder=folder, at=1)
    (found,) = many.ask(f"{CASES}:interrupted", replicas=2, folder=folder, resume=True)
    expected = interrupted(None, str(tmp_path / "whole"))
    assert expected is not None
    assert_same(found, expected)
    if full_size:  # the same number: the same bytes
        folder = str(tmp_path / "again")
        many.ask(f"{CASES}:interrupted", replicas=2, folder=folder, at=1)
        (found,) = many.ask(f"{CASES}:interrupted", replicas=2, folder=folder, resume=True)
        (whole,) = many.ask(
            f"{CASES}:interrupted", replicas=2, folder=str(tmp_path / "never interrupted")
        )
        assert found["weights"] == whole["weights"]


def test_replicas_that_share_one_program(many, on_one_device, full_size):
    """As on TPUs, which nobody has tried: a replica's number is known only while it runs."""
    if not full_size:
        pytest.skip("TFLOSS_TEST_SIZE=full")
    training = {**TOGETHER, "rows": 16}
    (found,) = many.ask(f"{CASES}:fit_as_on_tpus", replicas=2, **training)
    assert_same(found, on_one_device(training))
