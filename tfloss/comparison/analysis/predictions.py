"""What predictions look like: calibration, histogram, confusion; and the data's components."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfloss.data import PreparedData

_BINS, _BARS = 10, 20
MOST_CLASSES = 100  # of a confusion table, whose size is their square
_POINTS = 700  # of the picture; more cannot be told apart
_MOST_VALUES = 2**22  # of training rows by which components are found
_MOST_PRODUCTS = 5e8  # of a singular value decomposition that is not cut off after three


def describe_predictions(truth: np.ndarray, probs: np.ndarray) -> dict[str, Any]:
    """Reliability, histogram and confusion of classifications.

    For two classes the probability is that of the second; for more, that of the predicted class.
    Of more than 100 classes there is no confusion: None.

    Args:
        truth: (n,) class positions.
        probs: (n, C) float64.
    """
    two = probs.shape[1] == 2
    predicted = probs.argmax(axis=1)
    shown = probs[:, 1] if two else probs.max(axis=1)
    happened = truth == 1 if two else predicted == truth
    bins = np.minimum((shown * _BINS).astype(int), _BINS - 1)
    count = np.bincount(bins, minlength=_BINS)
    there = np.maximum(count, 1)
    confusion = None
    if probs.shape[1] <= MOST_CLASSES:
        table = np.zeros((probs.shape[1], probs.shape[1]), np.int64)
        np.add.at(table, (truth, predicted), 1)
        confusion = table.tolist()
    return {
        "count": len(truth),
        "reliability": {
            "count": count.tolist(),
            "said": _rounded(np.bincount(bins, shown, _BINS) / there),
            "happened": _rounded(np.bincount(bins, happened, _BINS) / there),
        },
        "histogram": np.histogram(shown, _BARS, (0, 1))[0].tolist(),
        "confusion": confusion,
    }


def pca_points(data: PreparedData) -> dict[str, Any]:
    """The rows in the first three principal components of the training rows.

    The components are those of the features as they are trained on, as scikit-learn's PCA fitted on
    the training rows finds them; held-out rows are projected onto them. Of large data a part of the
    training rows, drawn at random, must do: 'fitted_on' says how many.
    """
    fitted_on = _drawn(len(data.train), _MOST_VALUES // max(data.n_features, 1))
    part = _as_numbers(data.train.inputs[fitted_on], data)
    middle = part.mean(axis=0)
    spread, axes = _components(part - middle)
    count = len(data.train) + len(data.holdout)
    keep = np.sort(np.random.default_rng(0).permutation(count)[:_POINTS])
    train = keep < len(data.train)
    shown = [data.train.inputs[keep[train]], data.holdout.inputs[keep[~train] - len(data.train)]]
    points = (_as_numbers(np.concatenate(shown), data) - middle) @ axes[:3].T
    codes = np.concatenate([data.train.codes, data.holdout.codes])
    if data.classes is None:
        values = np.concatenate([data.train.labels, data.holdout.labels])[:, 0]
        codes = (values > np.median(values)).astype(np.int64)
    share = spread**2 / max(float(((part - middle) ** 2).sum()), 1e-300)
    names = ("below the median", "above") if data.classes is None else data.classes.names
    return {
        "points": _rounded(points),
        "codes": codes[keep].tolist(),
        "train": train.tolist(),
        "share": _rounded(share[:3]),
        "classes": [str(name) for name in names],
        "left_out": count - len(keep),
        "fitted_on": None if len(part) == len(data.train) else len(part),
    }


def _components(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Singular values, largest first, and the axes that they belong to; at least three, if any."""
    if rows.size * min(rows.shape) <= _MOST_PRODUCTS:
        _, spread, axes = np.linalg.svd(rows, full_matrices=False)
        return spread, axes
    from scipy.sparse.linalg import svds

    begin = np.random.default_rng(0).normal(size=min(rows.shape))
    _, spread, axes = svds(rows, k=3, v0=begin)
    largest = np.argsort(-spread)
    return spread[largest], axes[largest]


def _drawn(rows: int, most: int) -> np.ndarray:
    """At most so many of the rows, but some hundreds of them, in their order."""
    most = max(most, _POINTS)
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(0).choice(rows, most, replace=False))


def _as_numbers(inputs: np.ndarray, data: PreparedData) -> np.ndarray:
    """(n, m) float64; embedded columns as 0 and 1, since positions have no distances."""
    rows = inputs.reshape(len(inputs), -1).astype(np.float64)
    return rows if data.encoder is None else data.encoder.spread_out(rows)


def _rounded(values: np.ndarray) -> Any:
    return np.round(np.asarray(values, np.float64), 4).tolist()
