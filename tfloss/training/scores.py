"""A trained student's predictions, and how good they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfloss.data import PreparedData, rows_at_once, score
from tfloss.data.links import to_units
from tfloss.lazy import tf
from tfloss.registry import Registry
from tfloss.student import Student


def predict(student: Student, inputs: np.ndarray, task: str = "classification") -> np.ndarray:
    """The student's answers for scaled inputs (n, d), computed in float64 from its logits.

    Returns:
        (n, classes) probabilities, two columns for two classes; for regression (n, 1).
    """
    logits = _logits(student, inputs).astype(np.float64)
    if task == "regression":
        return to_units(logits, student.link)
    return probabilities(logits)


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Sigmoid of one column as two columns, softmax of several; (n, classes) float64."""
    from scipy.special import expit, softmax

    if logits.shape[1] == 1:
        return np.concatenate([expit(-logits), expit(logits)], axis=1)
    return softmax(logits, axis=1)


def _logits(student: Student, inputs: np.ndarray) -> np.ndarray:
    forward = student.compiled_for(inputs)
    rows = rows_at_once(int(np.prod(inputs.shape[1:])))
    pieces = range(0, max(len(inputs), 1), rows)
    return np.concatenate([forward(tf.constant(inputs[at : at + rows])).numpy() for at in pieces])


def as_columns(probs: np.ndarray) -> np.ndarray:
    """A teacher's one column as two; (n, classes) float64."""
    probs = np.asarray(probs, np.float64)
    return np.concatenate([1 - probs, probs], axis=1) if probs.shape[1] == 1 else probs


def scores_of_all(
    student: Student,
    teachers: Mapping[str, Any],
    data: PreparedData,
    registry: Registry,
) -> dict[str, dict[str, float]]:
    """Scores by 'student on train', 'student on holdout', 'NAME on holdout', …"""
    table: dict[str, dict[str, float]] = {}
    for split, part in (("train", data.train), ("holdout", data.holdout)):
        if len(part):
            answers = predict(student, part.inputs, data.task)
            table[f"student on {split}"] = score(answers, part, data, registry)
    for name, answers in teachers.items():
        if len(data.holdout):
            full = as_columns(answers) if data.task == "classification" else answers
            table[f"{name} on holdout"] = score(full, data.holdout, data, registry)
    return table
