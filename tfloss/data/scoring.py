"""How good predictions are, by the registered metrics."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfloss.data.columns import Columns
from tfloss.data.prepared import PreparedData
from tfloss.errors import first_line
from tfloss.registry import Metric, Registry

WEIGHT = "sample_weight"  # the setting of a metric that takes weights
_LONGEST = 80  # characters of a reason


class NoScore(float):
    """A NaN that says why a metric has no value.

    Attributes:
        reason: a few words, 'ValueError: Only one class is present'.
    """

    reason: str

    def __new__(cls, reason: str) -> NoScore:
        """NaN with this reason."""
        made = super().__new__(cls, "nan")
        made.reason = reason
        return made


def score(
    predictions: np.ndarray,
    part: Columns,
    data: PreparedData,
    registry: Registry,
    rows: np.ndarray | None = None,
) -> dict[str, float]:
    """Every registered metric of the data's task, by name, on the rows that have a label.

    Of several targets the mean over the targets by the metric's name, and 'r2 of NAME' for each;
    of labels of 0 and 1 the metrics of two classes.

    Where the part has sample weights, the metrics that take weights are weighted.

    Args:
        predictions: (m, classes) probabilities, or (m, k) for regression.
        part: where the labels stand.
        data: of which it is a part.
        registry: whose metrics are computed.
        rows: (m,) positions in the part that `predictions` is about; default: all of them.

    Returns:
        {} where no row has a label; a `NoScore` for a metric that fails.
    """
    rows = np.arange(len(part)) if rows is None else rows
    labelled = part.labelled[rows]
    if not labelled.any():
        return {}
    rows = rows[labelled]
    truth: Any = part.codes[rows] if data.task == "classification" else part.labels[rows]
    weight = None if part.sample_weight is None else part.sample_weight[rows].astype(np.float64)
    if data.target_names:
        return _of_several(truth, predictions[labelled], weight, data, registry)
    return {
        name: metric_value(metric, truth, predictions[labelled], weight)
        for name, metric in registry.metrics.items()
        if metric.task == data.task
    }


def _of_several(
    truth: np.ndarray,
    predictions: np.ndarray,
    weight: np.ndarray | None,
    data: PreparedData,
    registry: Registry,
) -> dict[str, float]:
    """Of (n, k) labels and predictions: by metric the mean, then each target's."""
    task = "classification" if data.multilabel else "regression"
    means: dict[str, float] = {}
    each: dict[str, float] = {}
    for name, metric in registry.metrics.items():
        if metric.task != task:
            continue
        found = []
        for place, target in enumerate(data.target_names):
            own, said = truth[:, place : place + 1], predictions[:, place : place + 1]
            if data.multilabel:
                own, said = own[:, 0].astype(np.int64), np.concatenate([1 - said, said], axis=1)
            value = metric_value(metric, own, said, weight)
            found.append(value)
            each[f"{name} of {target}"] = value
        missing = [value for value in found if isinstance(value, NoScore)]
        means[name] = missing[0] if missing else float(np.mean(found))
    return means | each


def metric_value(
    metric: Metric, truth: np.ndarray, predictions: np.ndarray, weight: np.ndarray | None = None
) -> float:
    """A metric of one student; a `NoScore` where the plugin's function fails.

    Args:
        metric: a plugin's.
        truth: (n,) class positions, or (n, k) targets.
        predictions: (n, classes) probabilities, or (n, k).
        weight: (n,) float64, for a metric with the setting `sample_weight`; others go without.
    """
    more = {} if weight is None or not takes_weights(metric) else {WEIGHT: weight}
    try:
        # Copies: what one metric does to its arguments is no business of the next one's.
        return float(metric(truth.copy(), predictions.copy(), **more))
    except (Exception, SystemExit) as error:  # a plugin's; hours stand behind the others
        reason = f"{type(error).__name__}: {first_line(error)}".rstrip(": ")
        return NoScore(reason if len(reason) <= _LONGEST else reason[: _LONGEST - 1] + "…")


def takes_weights(metric: Metric) -> bool:
    """Whether it has the setting `sample_weight`."""
    return WEIGHT in metric.settings


def reasons(scores: dict[str, dict[str, float]]) -> dict[str, dict[str, str]]:
    """Why metrics have no value, by the names in `scores`; {} where all have one."""
    found = {
        title: {n: v.reason for n, v in values.items() if isinstance(v, NoScore)}
        for title, values in scores.items()
    }
    return {title: said for title, said in found.items() if said}
