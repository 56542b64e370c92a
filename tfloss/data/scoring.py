"""How good predictions are, by the registered metrics."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfloss.data.columns import Columns
from tfloss.data.prepared import PreparedData
from tfloss.registry import Registry


def score(
    predictions: np.ndarray,
    part: Columns,
    data: PreparedData,
    registry: Registry,
    rows: np.ndarray | None = None,
) -> dict[str, float]:
    """Every registered metric of the data's task, by name, on the rows that have a label.

    Args:
        predictions: (m, classes) probabilities, or (m, k) for regression.
        part: where the labels stand.
        data: of which it is a part.
        registry: whose metrics are computed.
        rows: (m,) positions in the part that `predictions` is about; default: all of them.

    Returns:
        {} where no row has a label.
    """
    rows = np.arange(len(part)) if rows is None else rows
    labelled = part.labelled[rows]
    if not labelled.any():
        return {}
    rows = rows[labelled]
    truth: Any = part.codes[rows] if data.task == "classification" else part.labels[rows]
    return {
        name: metric(truth.copy(), predictions[labelled])  # it may sort its arguments in place
        for name, metric in registry.metrics.items()
        if metric.task == data.task
    }
