"""A small world for objectives: a few tensors, a scope that names them, and numpy's answers."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from tfloss.objective import Entry, Objective, Scope

ROWS = 6
_random = np.random.default_rng(0)

LOGITS = _random.normal(size=(ROWS, 1)).astype(np.float32)
LABELS = np.array([[0], [1], [1], [0], [1], [0]], np.float32)
TEACHER = _random.uniform(0.1, 0.9, size=(ROWS, 1)).astype(np.float32)
HIDDEN = _random.normal(size=(ROWS, 4)).astype(np.float32)
WEIGHT = np.array([1, 0, 2, 1, 0.5, 3], np.float32)
KERNEL = _random.normal(size=(4, 1)).astype(np.float32)
BIAS = np.array([0.5], np.float32)

TENSORS = {
    "logits": LOGITS,
    "labels": LABELS,
    "teacher": TEACHER,
    "hidden1": HIDDEN,
    "hidden2": HIDDEN[::-1].copy(),
    "rowweight": WEIGHT[:, None],
    "wide": HIDDEN,
    "weights": {"logits/kernel": KERNEL, "logits/bias": BIAS},
    "sample_weight": np.ones(ROWS, np.float32),
}

SCOPE = Scope(
    [
        Entry("logits", "student output", (None, 1)),
        Entry("labels", "data", (None, 1), known_outside=True),
        Entry("teacher", "teacher", (None, 1), known_outside=True),
        Entry("hidden1", "student layer", (None, 4)),
        Entry("hidden2", "student layer", (None, 4)),
        Entry("rowweight", "data", (None, 1), known_outside=True),
        Entry("wide", "data", (None, 4), known_outside=True),
        Entry("weights", "student", None),
        Entry("sample_weight", "data", (None,), known_outside=True),
    ],
    weights=("logits/kernel", "logits/bias"),
)


def bce() -> np.ndarray:
    """Per example, written out."""
    p = expit(LOGITS.astype(np.float64))
    return -(LABELS * np.log(p) + (1 - LABELS) * np.log(1 - p))[:, 0]


def kl() -> np.ndarray:
    """Per example, the positive class's share."""
    p = expit(LOGITS.astype(np.float64))
    return (p * np.log(p / TEACHER))[:, 0]


def total(formula: str, registry, *, allow_negative: bool = False, **call) -> float:
    """The total of a formula on the tensors above, `call` as for `Objective.__call__`."""
    steps = call.pop("steps_per_epoch", 1.0)
    objective = Objective(
        formula, registry, SCOPE, steps_per_epoch=steps, allow_negative=allow_negative
    )
    tensors = {**TENSORS, **call.pop("tensors", {})}
    return float(objective(tensors, **call).total)
