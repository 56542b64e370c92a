"""scipy's sparse features: scaled without being made dense, and dense only as what trains."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from tfloss.data import Scaler, rows_at_once
from tfloss.data.scaling import NO_SCALING, AffineScaler
from tfloss.errors import UsageError

_BY_COLUMN = ("standard", "minmax", "maxabs")
_COPIES = 2  # of the dense rows: NumPy's, and TensorFlow's


def is_sparse(features: Any) -> bool:
    """Whether these are scipy's sparse rows."""
    return hasattr(features, "tocsr")


def fit_scaler(features: Any, kind: str, weight: np.ndarray | None = None) -> Scaler | None:
    """`tfloss.data.Scaler.fit` of sparse rows (n, d), by the same scikit-learn classes."""
    from sklearn import preprocessing
    from sklearn.utils.sparsefuncs import min_max_axis

    if kind == "standard":
        scaler = preprocessing.StandardScaler(with_mean=False)
        scaler.fit(features, sample_weight=None if weight is None else np.ravel(weight))
        return AffineScaler(scaler.mean_, scaler.scale_, kind)
    if kind == "minmax":
        low, high = (np.asarray(one, np.float64) for one in min_max_axis(features, axis=0))
        return AffineScaler(low, np.where(high > low, high - low, 1.0), kind)
    if kind == "maxabs":
        scale = preprocessing.MaxAbsScaler().fit(features).scale_
        return AffineScaler(np.zeros_like(scale), scale, kind)
    if kind == NO_SCALING:
        return None
    return Scaler.fit(features.toarray(), kind, weight)


def dense_inputs(features: Any, scaler: Scaler | None, scale: str) -> np.ndarray:
    """Scaled rows, (n, d) float32, made a few at a time.

    Raises:
        UsageError: the dense rows do not fit into memory.
    """
    rows, width = features.shape
    cells = rows * width
    needed = cells * 4 * _COPIES + (0 if scale in (*_BY_COLUMN, NO_SCALING) else cells * 16)
    if needed > memory():
        share = features.nnz / max(cells, 1)
        raise UsageError(
            f"The sparse features are {rows:,} × {width:,}, of which {share:.2%} are not 0; a "
            f"network trains on dense rows, {needed / 2**30:.1f} GiB of them, and this machine has "
            f"{memory() / 2**30:.1f} GiB of memory. Take fewer columns: TruncatedSVD, SelectKBest, "
            f"or a hashing vectorizer of fewer features in front of the estimator."
        )
    dense = np.empty((rows, width), np.float32)
    count = rows_at_once(width)
    for at in range(0, rows, count):
        piece = features[at : at + count].toarray()
        dense[at : at + count] = piece if scaler is None else scaler.transform(piece)
    return dense


def memory() -> float:
    """Bytes of memory that this machine has; infinite where that cannot be found."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, OSError, ValueError):
        return float("inf")
