"""The same metrics for many replicates in one call, in numpy.

`tfloss compare` scores hundreds of students after every evaluation; scikit-learn, asked about one
at a time, would take minutes. Each function here gets (R, n) class positions and (R, n, C)
probabilities, or (R, n, k) targets and predictions, and returns (R,) float64. Tests hold each
against the metric that declares it.
"""

from __future__ import annotations

from functools import reduce

import numpy as np

BINS = 10  # of the calibration error


def _predicted(probs: np.ndarray) -> np.ndarray:
    """The most probable class, the first of equals; numpy's `argmax` is slow along a short axis."""
    if probs.shape[2] == 2:
        return (probs[..., 1] > probs[..., 0]).astype(np.int64)
    return probs.argmax(axis=2)


def accuracy(classes: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """(R,) the share of rows whose most probable class is right."""
    return (_predicted(probs) == classes).mean(axis=1)


def log_loss(classes: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """Clipped as scikit-learn clips, by the precision of the probabilities' type."""
    own = np.take_along_axis(probs, classes[..., None], axis=2)[..., 0]
    tiny = np.finfo(probs.dtype).eps
    return -np.log(np.clip(own, tiny, 1 - tiny)).mean(axis=1)


def brier(classes: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """(R,) the squared distance to the right answer, scaled as the metric's."""
    if probs.shape[2] == 2:
        return ((probs[..., 1] - classes) ** 2).mean(axis=1)
    return ((probs - np.eye(probs.shape[2])[classes]) ** 2).sum(axis=2).mean(axis=1)


def mean_entropy(classes: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """(R,) the mean entropy in nats."""
    from scipy.special import entr

    # Two additions are ten times faster than a sum along a short axis.
    return reduce(np.add, np.moveaxis(entr(probs), 2, 0)).mean(axis=1)


def balanced_accuracy(classes: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """(R,) the mean recall of the classes that occur."""
    right, rows, _ = _counts(classes, probs)
    found = np.divide(right, rows, out=np.zeros(rows.shape), where=rows > 0)
    return found.sum(axis=1) / (rows > 0).sum(axis=1)


def f1(classes: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """(R,) F1 of the second of two classes, else the mean over the classes there or predicted."""
    right, there, said = _counts(classes, probs)
    both = said + there
    scores = np.divide(2 * right, both, out=np.zeros(both.shape), where=both > 0)
    if probs.shape[2] == 2:
        return scores[:, 1]
    return scores.sum(axis=1) / (both > 0).sum(axis=1)


def mcc(classes: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """(R,) Matthews' correlation coefficient; 0 where all rows are of one class, or predicted so.

    Rates between whole numbers: their products are exact up to 2**53.
    """
    right, there, said = _counts(classes, probs)
    total = there.sum(axis=1)
    above = right.sum(axis=1) * total - (there * said).sum(axis=1)
    spreads = [total**2 - (one**2).sum(axis=1) for one in (there, said)]
    below = np.sqrt(spreads[0]) * np.sqrt(spreads[1])
    return np.divide(above, below, out=np.zeros(len(right)), where=below > 0)


def _counts(classes: np.ndarray, probs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By class, (R, C) float64: rows that are found, that there are, that are predicted as it.

    The diagonal and the margins of the table of both, which would be (R, C, C).
    """
    predicted, count = _predicted(probs), probs.shape[2]

    def counted(of: np.ndarray, which: np.ndarray | None = None) -> np.ndarray:
        place = of + count * np.arange(len(of))[:, None]
        place = place.ravel() if which is None else place[which]
        sums = np.bincount(place, minlength=len(of) * count)
        return sums.reshape(len(of), count).astype(np.float64)

    return counted(classes, predicted == classes), counted(classes), counted(predicted)


def auc(classes: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """(R,) the area under the ROC curve, from ranks, ties sharing theirs (Mann-Whitney's U)."""
    from scipy.stats import rankdata

    count, rows = probs.shape[2], classes.shape[1]
    areas = []
    for one in [1] if count == 2 else range(count):
        own = classes == one
        positive = own.sum(axis=1).astype(np.float64)
        ranks = np.where(own, rankdata(probs[..., one], axis=1), 0.0).sum(axis=1)
        above, pairs = ranks - positive * (positive + 1) / 2, positive * (rows - positive)
        areas.append(np.divide(above, pairs, out=np.full(len(own), np.nan), where=pairs > 0))
    return np.mean(areas, axis=0)


def average_precision(classes: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """(R,) the precision at each row of a class, averaged; rows of equal score are met together."""
    count, rows = probs.shape[2], classes.shape[1]
    values = []
    for one in [1] if count == 2 else range(count):
        order = np.argsort(-probs[..., one], axis=1)
        own = np.take_along_axis(classes == one, order, axis=1)
        scores = np.take_along_axis(probs[..., one], order, axis=1)
        precision = own.cumsum(axis=1) / np.arange(1, rows + 1)
        last = np.ones(own.shape, bool)
        last[:, :-1] = scores[:, :-1] != scores[:, 1:]
        ends = np.where(last, np.arange(rows), rows)
        ends = np.minimum.accumulate(ends[:, ::-1], axis=1)[:, ::-1]  # of each row's group
        sums = (own * np.take_along_axis(precision, ends, axis=1)).sum(axis=1)
        positive = own.sum(axis=1)
        there = (positive > 0) & (positive < rows)
        values.append(np.divide(sums, positive, out=np.full(len(own), np.nan), where=there))
    return np.mean(values, axis=0)


def ece(classes: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """(R,) the expected calibration error."""
    confidence = reduce(np.maximum, np.moveaxis(probs, 2, 0))
    right = _predicted(probs) == classes
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    place = bins + BINS * np.arange(len(classes))[:, None]  # bins of each replicate, in one row
    sums = np.bincount(place.ravel(), (right - confidence).ravel(), BINS * len(classes))
    return np.abs(sums.reshape(-1, BINS)).sum(axis=1) / classes.shape[1]


def mean_squared_error(target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """(R,) the mean over rows and outputs."""
    return ((target - prediction) ** 2).mean(axis=(1, 2))


def rmse(target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """(R,) the mean over outputs of the root of the mean square."""
    return np.sqrt(((target - prediction) ** 2).mean(axis=1)).mean(axis=1)


def mean_absolute_error(target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """(R,) the mean over rows and outputs."""
    return np.abs(target - prediction).mean(axis=(1, 2))


def r2(target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """The mean over the outputs; a constant target counts 1 where it is met exactly, else 0."""
    if target.shape[1] < 2:
        return np.full(len(target), np.nan)
    residual = ((target - prediction) ** 2).sum(axis=1)
    spread = ((target - target.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    constant = np.where(residual == 0, 1.0, 0.0)
    share = np.divide(residual, spread, out=np.zeros_like(spread), where=spread > 0)
    return np.where(spread > 0, 1 - share, constant).mean(axis=1)
