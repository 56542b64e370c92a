"""Formulas of the pages: read from their tables, and computed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from tfloss import tf
from tfloss.objective import Entry, Objective, Scope
from tfloss.registry import load_registry

DOCS = Path(__file__).parents[2] / "docs"
_ROW = re.compile(r"^\| ([^|]+) \| `([^`]+)` \|", re.MULTILINE)


def formulas(page: str) -> dict[str, str]:
    """By what they are called, the formulas in the tables of a page."""
    return dict(_ROW.findall((DOCS / page).read_text(encoding="utf-8")))


def total(formula: str, tensors: dict[str, np.ndarray]) -> float:
    """The value of a formula on tensors by name."""
    given = {name: tf.constant(value, tf.float32) for name, value in tensors.items()}
    outside = ("labels", "teacher", "w", "share", "naive", "other_labels", "math", "code")
    scope = Scope([Entry(name, "test", known_outside=name in outside) for name in given])
    objective = Objective(formula, load_registry(), scope, steps_per_epoch=10)
    return float(objective({**given, "step": tf.constant(0.0)}).total)
