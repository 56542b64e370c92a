"""The holdout of a stream as prepared data, so that its result can be scored like any other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tfloss.data import Classes, Columns, PreparedData
from tfloss.data.missing import Task

_NAME = "the stream"


def stream_data(
    shapes: Mapping[str, Any], holdout: Columns | None, task: Any, outputs: int
) -> PreparedData:
    """No training rows, since they are not kept, and the holdout where it has labels.

    Args:
        shapes: of the stream's columns.
        holdout: rows in memory.
        task: 'classification' or 'regression'.
        outputs: of the student.
    """
    nobody = Columns(
        {
            "inputs": np.zeros((0, *shapes["inputs"][1:]), np.float32),
            "labels": np.zeros((0, outputs), np.float32),
        }
    )
    kind: Task = task
    classes = None
    if kind == "classification":
        numbers = np.arange(max(2, outputs))
        classes = Classes(numbers, tuple(map(str, numbers)))
    names = tuple(f"input {n}" for n in range(int(np.prod(shapes["inputs"][1:]))))
    labelled = nobody if holdout is None else _labelled(holdout, kind)
    return PreparedData(nobody, labelled or nobody, kind, classes, names, None, _NAME)


def _labelled(holdout: Columns, task: Task) -> Columns | None:
    """The holdout with the positions of its classes; labels that are shares say no class."""
    if "labels" not in holdout.values:
        return None
    if task == "regression":
        return holdout
    labels = holdout.labels
    certain = np.all(np.isin(labels, (0, 1)), axis=1, keepdims=False)
    if labels.shape[1] > 1:
        certain = certain & (labels.sum(axis=1) == 1)
    codes = labels.argmax(axis=1) if labels.shape[1] > 1 else np.rint(labels[:, 0])
    codes = np.where(certain, codes, -1).astype(np.int64)
    return replace(holdout, codes=codes, present={**holdout.present, "labels": certain})
