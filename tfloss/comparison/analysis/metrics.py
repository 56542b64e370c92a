"""Every metric of every replicate at every evaluation.

A metric is a plugin's function of one student's predictions; one that declares `batched=` is asked
once for all replicates instead. The core knows no metric by name and computes none itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from tfloss.comparison.replicates.trajectories import Trajectories
from tfloss.data import Columns, PreparedData
from tfloss.data.links import to_units
from tfloss.data.scoring import NoScore, metric_value, takes_weights
from tfloss.errors import PluginError
from tfloss.registry import Metric, Registry
from tfloss.training.scores import probabilities
from tfloss.training.target_units import link_of

_AGREE = 1e-6  # relative; the two may sum in another order

LABELS = "labels"  # several of 0 and 1, each scored as two classes


def add_metrics(
    trajectories: Sequence[Trajectories],
    parts: Sequence[Columns],
    task: str,
    registry: Registry,
) -> list[str]:
    """Fill `metrics` of each formula's trajectories; NaN where a training diverged.

    Args:
        trajectories: one for each formula.
        parts: the holdout of each replicate.
        task: as what is scored, see `scored_as`.
        registry: whose metrics are computed.

    Returns:
        a sentence for each metric that failed, which is NaN there.

    Raises:
        PluginError: a metric's batched function contradicts it.
    """
    metrics = metrics_for(task, registry)
    truth, weight = truth_of(parts, task), weight_of(parts)
    failed: dict[str, str] = {}
    checked = False
    for one in trajectories:
        one.metrics = {name: np.full(one.logits.shape[:2], np.nan) for name in metrics}
        fine = ~one.diverged
        if not len(one.eval_epochs) or not fine.any():
            continue
        own = None if weight is None else weight[fine]
        link = link_of(one.formula, registry)
        predictions = [predictions_of(logits, task, link)[fine] for logits in one.logits]
        if not checked:
            check_batched(metrics, truth[fine], predictions[-1])
            checked = True
        for name, metric in metrics.items():
            for number, predicted in enumerate(predictions):
                values = metric_values(metric, truth[fine], predicted, own, failed)
                one.metrics[name][number, fine] = values
    return [
        f"The metric '{name}' failed where it has no value: {reason}."
        for name, reason in failed.items()
    ]


def scored_as(data: PreparedData) -> str:
    """'classification', 'regression', or `LABELS`."""
    return LABELS if data.multilabel else data.task


def metrics_for(task: str, registry: Registry) -> dict[str, Metric]:
    """The registered metrics of a task by name; several labels have those of classes."""
    task = "classification" if task == LABELS else task
    return {name: metric for name, metric in registry.metrics.items() if metric.task == task}


def predictions_of(logits: np.ndarray, task: str, link: str = "") -> np.ndarray:
    """(R, n, C) float64 probabilities, or (R, n, k) predictions, from (R, n, k) logits."""
    logits = logits.astype(np.float64)
    if task != "classification":
        return to_units(logits, link)
    flat = probabilities(logits.reshape(-1, logits.shape[-1]))
    return flat.reshape(*logits.shape[:2], -1)


def truth_of(parts: Iterable[Columns], task: str) -> np.ndarray:
    """(R, n) class positions, else (R, n, k) targets; several labels are whole numbers."""
    if task == "classification":
        return np.stack([part.codes for part in parts])
    labels = np.stack([part.labels for part in parts])
    return labels.astype(np.int64) if task == LABELS else labels


def weight_of(parts: Iterable[Columns]) -> np.ndarray | None:
    """(R, n) float64 sample weights, or None where the data have none."""
    weights = [part.sample_weight for part in parts]
    if any(weight is None for weight in weights):
        return None
    return np.stack([np.asarray(weight, np.float64) for weight in weights])


def metric_values(
    metric: Metric,
    truth: np.ndarray,
    predictions: np.ndarray,
    weight: np.ndarray | None = None,
    failed: dict[str, str] | None = None,
) -> np.ndarray:
    """(R,) float64: a metric of each replicate, of labels their mean; NaN where it fails.

    Args:
        metric: a plugin's.
        truth: (R, n) class positions, or (R, n, k) targets or labels.
        predictions: (R, n, C) probabilities, or (R, n, k).
        weight: (R, n) sample weights; a metric that takes them is then asked one by one.
        failed: is filled with why, by the metric's name.

    Raises:
        PluginError: its batched function returns another shape.
    """
    if _are_labels(metric, truth):
        each = (
            metric_values(metric, *one, weight, failed) for one in _two_classes(truth, predictions)
        )
        return np.mean(list(each), axis=0)
    values = None
    if metric.batched is not None and (weight is None or not takes_weights(metric)):
        values = _batched(metric, truth, predictions)
    if values is None:
        weights = [None] * len(truth) if weight is None else list(weight)
        found = [
            metric_value(metric, *one) for one in zip(truth, predictions, weights, strict=True)
        ]
        for value in found:
            if isinstance(value, NoScore) and failed is not None:
                failed.setdefault(metric.name, value.reason)
        return np.array(found, np.float64)
    return values


def _are_labels(metric: Metric, truth: np.ndarray) -> bool:
    return metric.task == "classification" and truth.ndim == 3


def _two_classes(
    truth: np.ndarray, predictions: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Of (R, n, k) labels and probabilities, for each label (R, n) classes and (R, n, 2)."""
    for place in range(truth.shape[2]):
        said = predictions[..., place]
        yield truth[..., place], np.stack([1 - said, said], axis=-1)


def _batched(metric: Metric, truth: np.ndarray, predictions: np.ndarray) -> np.ndarray | None:
    """What its batched function returns; None where it fails, and the metric itself is asked."""
    assert metric.batched is not None
    try:
        # Copies: a metric may sort its arguments in place, and others come after it.
        values = np.asarray(metric.batched(truth.copy(), predictions.copy()), np.float64)
    except Exception:  # a plugin's
        return None
    if values.shape != (len(truth),):
        raise PluginError(
            f"The batched function of the metric '{metric.name}' returned shape {values.shape} for "
            f"{len(truth)} replicates; it must return ({len(truth)},)."
        )
    return values


def check_batched(
    metrics: Mapping[str, Metric], truth: np.ndarray, predictions: np.ndarray
) -> None:
    """Hold what plugins declare as `batched=` against the metric itself, on two replicates.

    Raises:
        PluginError: they differ.
    """
    for name, metric in metrics.items():
        if metric.batched is None:
            continue
        if _are_labels(metric, truth):
            check_batched({name: metric}, *next(_two_classes(truth, predictions)))
            continue
        values = metric_values(metric, truth, predictions)
        for at in {0, len(truth) - 1}:
            alone = metric_value(metric, truth[at], predictions[at])
            if not np.isclose(values[at], alone, rtol=_AGREE, atol=_AGREE, equal_nan=True):
                raise PluginError(
                    f"The metric '{name}' is {alone:.8g} for one student and {values[at]:.8g} by "
                    f"its batched function; correct the function, or leave batched= out."
                )
