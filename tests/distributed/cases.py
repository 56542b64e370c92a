"""Small trainings under a strategy, or none; what they return is plain, to be sent as JSON."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

import tfloss
from tfloss.data import Columns, PreparedData

FEATURES = 5


def data(
    rows: int = 23,
    *,
    missing: Sequence[int] = (),
    weighted: bool = False,
    bad: Sequence[int] = (),
) -> PreparedData:
    """A quantity, with labels missing in some rows, sample weights, and rows that hold NaN."""
    rng = np.random.default_rng(3)
    parts = []
    for count in (rows, 9):
        inputs = rng.normal(size=(count, FEATURES)).astype(np.float32)
        values = {
            "inputs": inputs,
            "labels": (inputs[:, :1] * inputs[:, 1:2] + inputs[:, 2:3]).astype(np.float32),
            "other": rng.normal(size=(count, 1)).astype(np.float32),
        }
        weight = rng.uniform(0.5, 2, size=count).astype(np.float32) if weighted else None
        parts.append((values, weight))
    (train, weight), (holdout, _) = parts
    present = {}
    if len(missing):
        there = np.ones(rows, bool)
        there[list(missing)] = False
        train["labels"] = np.where(there[:, None], train["labels"], 0)
        present["labels"] = there
    train["other"][list(bad)] = np.nan
    names = tuple(f"x{number}" for number in range(FEATURES))
    return PreparedData(
        Columns(train, present=present, sample_weight=weight),
        Columns(holdout),
        "regression",
        None,
        names,
        None,
    )


def fit(
    strategy: Any,
    formula: str = "mse",
    *,
    model: str = "mlp:4",
    optimizer: str = "sgd:learning_rate=0.1",
    in_scope: bool = False,
    rows: int = 23,
    missing: Sequence[int] = (),
    weighted: bool = False,
    bad: Sequence[int] = (),
    batch_size: int = 8,
    epochs: int = 2,
    **options: Any,
) -> dict[str, Any]:
    """`tfloss.fit`, with the strategy as an argument or by its scope."""
    given = data(rows, missing=missing, weighted=weighted, bad=bad)
    scope = strategy.scope() if in_scope and strategy is not None else contextlib.nullcontext()
    with warnings.catch_warnings(record=True) as caught, scope:
        warnings.simplefilter("always")
        result = tfloss.fit(
            formula,
            given,
            model,
            optimizer=optimizer,
            batch_size=batch_size,
            epochs=epochs,
            strategy=None if in_scope else strategy,
            on_progress=None,
            **options,
        )
    return told(result, caught)


def told(result: Any, caught: Sequence[Any] = ()) -> dict[str, Any]:
    """Weights, what losses hold, the history and how it was computed, as plain values."""
    variables = {**{v.path: v for v in result.student.model.variables}}
    variables |= result.objective.variables
    return {
        "weights": [np.asarray(v).tolist() for v in variables.values()],
        "train": [epoch.train for epoch in result.history],
        "holdout": [epoch.holdout for epoch in result.history],
        "scores": result.scores,
        "compiled_as": result.compiled_as,
        "because": result.compiled_because,
        "events": result.events,
        "warnings": [str(one.message) for one in caught],
    }


def assert_same(found: dict[str, Any], expected: dict[str, Any], rtol: float = 2e-5) -> None:
    """The same weights and logged values, to rounding."""
    for one, other in zip(found["weights"], expected["weights"], strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=2e-6)
    for part in ("train", "holdout"):
        for here, there in zip(found[part], expected[part], strict=True):
            assert list(here) == list(there)
            for name in here:
                np.testing.assert_allclose(here[name], there[name], rtol=rtol, atol=2e-6)
