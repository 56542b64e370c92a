"""Every metric of every replicate at every look.

A metric is a plugin's function of one training's answers, and calling it for thousands of answers
takes minutes. So figures that are commonly wanted are also known here as functions of many answers
at once. They have no names: a metric is given to one of them where both agree on a sample of
replicates to nine digits, and is called one by one otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial, reduce

import numpy as np

from tfloss.comparison.replicates.trajectories import Trajectories
from tfloss.data import Columns
from tfloss.registry import Metric, Registry
from tfloss.training.scores import probabilities

Many = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (R, n) int, (R, n, C) -> (R,)

_AGREE = 1e-9
_SAMPLE = 16


def add_scores(
    trajectories: Sequence[Trajectories],
    parts: Sequence[Columns],
    task: str,
    registry: Registry,
) -> None:
    """Fill `metrics` of each formula's trajectories; NaN where a training diverged.

    Args:
        trajectories: one for each formula.
        parts: the holdout of each replicate.
        task: 'classification' or 'regression'.
        registry: whose metrics are computed.
    """
    metrics = {name: m for name, m in registry.metrics.items() if m.task == task}
    truth = truth_of(parts, task)
    ways: dict[str, Many] | None = None
    for found in trajectories:
        found.metrics = {name: np.full(found.logits.shape[:2], np.nan) for name in metrics}
        fine = ~found.diverged
        if not len(found.looks) or not fine.any():
            continue
        answers = [answers_of(logits, task)[fine] for logits in found.logits]
        if ways is None:
            ways = ways_of(metrics, truth[fine], answers[-1])
        for name in metrics:
            for look, given in enumerate(answers):
                found.metrics[name][look, fine] = ways[name](truth[fine], given)


def answers_of(logits: np.ndarray, task: str) -> np.ndarray:
    """(R, n, C) float64 probabilities, or predictions for regression, from (R, n, k) logits."""
    logits = logits.astype(np.float64)
    if task == "regression":
        return logits
    flat = probabilities(logits.reshape(-1, logits.shape[-1]))
    return flat.reshape(*logits.shape[:2], -1)


def truth_of(parts: Iterable[Columns], task: str) -> np.ndarray:
    """(R, n) class positions, or (R, n, k) targets for regression."""
    return np.stack([part.codes if task == "classification" else part.labels for part in parts])


def ways_of(
    metrics: Mapping[str, Metric], truth: np.ndarray, answers: np.ndarray
) -> dict[str, Many]:
    """How each metric of many replicates is computed, decided on these answers.

    Args:
        metrics: plugins'.
        truth: (R, n) class positions, or (R, n, k) targets.
        answers: (R, n, C).
    """
    return {
        name: _known(metric, truth, answers) or partial(_one_by_one, metric)
        for name, metric in metrics.items()
    }


def _one_by_one(metric: Metric, truth: np.ndarray, answers: np.ndarray) -> np.ndarray:
    return np.array([float(metric(t, a)) for t, a in zip(truth, answers, strict=True)])


def _known(metric: Metric, truth: np.ndarray, answers: np.ndarray) -> Many | None:
    """The function of many answers that agrees with a metric on a sample of replicates."""
    if metric.task != "classification" or len(truth) <= _SAMPLE:
        return None
    sample = np.linspace(0, len(truth) - 1, _SAMPLE).astype(int)
    truth, answers = truth[sample], answers[sample]
    values = _one_by_one(metric, truth, answers)
    for many in _MANY:
        if np.allclose(many(truth, answers), values, rtol=_AGREE, atol=_AGREE):
            return many
    return None


# -- figures of many answers at once ---------------------------------------------------------


def _predicted(probs: np.ndarray) -> np.ndarray:
    """The likeliest class, the first of equals; numpy's `argmax` is slow along a short axis."""
    if probs.shape[2] == 2:
        return (probs[..., 1] > probs[..., 0]).astype(np.int64)
    return probs.argmax(axis=2)


def _highest(probs: np.ndarray) -> np.ndarray:
    """`probs.max(axis=2)`, which is slow too."""
    return reduce(np.maximum, np.moveaxis(probs, 2, 0))


def _right(truth: np.ndarray, probs: np.ndarray) -> np.ndarray:
    return (_predicted(probs) == truth).mean(axis=1)


def _surprise(truth: np.ndarray, probs: np.ndarray) -> np.ndarray:
    own = np.take_along_axis(probs, truth[..., None], axis=2)[..., 0]
    tiny = np.finfo(probs.dtype).eps
    return -np.log(np.clip(own, tiny, 1 - tiny)).mean(axis=1)


def _distance(truth: np.ndarray, probs: np.ndarray) -> np.ndarray:
    if probs.shape[2] == 2:
        return ((probs[..., 1] - truth) ** 2).mean(axis=1)
    return ((probs - np.eye(probs.shape[2])[truth]) ** 2).sum(axis=2).mean(axis=1)


def _unsure(truth: np.ndarray, probs: np.ndarray) -> np.ndarray:
    from scipy.special import entr

    parts = entr(probs)
    whole = parts[..., 0] + parts[..., 1] if probs.shape[2] == 2 else parts.sum(axis=2)
    return whole.mean(axis=1)


def _overlap(truth: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """Harmonic mean of precision and recall: of the second of two classes, else averaged."""
    predicted, classes = _predicted(probs), probs.shape[2]
    scores = []
    for one in [1] if classes == 2 else range(classes):
        hit = ((predicted == one) & (truth == one)).sum(axis=1)
        both = (predicted == one).sum(axis=1) + (truth == one).sum(axis=1)
        scores.append(np.divide(2 * hit, both, out=np.zeros(len(hit)), where=both > 0))
    return np.mean(scores, axis=0)


def _gap(truth: np.ndarray, probs: np.ndarray, bins: int = 10) -> np.ndarray:
    """Confidence against share of right answers, over bins of equal width."""
    confidence = _highest(probs)
    right = _predicted(probs) == truth
    at = np.minimum((confidence * bins).astype(int), bins - 1)
    place = at + bins * np.arange(len(truth))[:, None]
    sums = np.bincount(place.ravel(), (right - confidence).ravel(), bins * len(truth))
    return np.abs(sums.reshape(-1, bins)).sum(axis=1) / truth.shape[1]


_MANY: tuple[Many, ...] = (_right, _surprise, _distance, _unsure, _overlap, _gap)
