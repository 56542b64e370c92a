"""From checked arrays to the data of a training: all rows train."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from tfloss.data import Classes, Columns, FeatureSource, PreparedData, Scaler, Table, arrange
from tfloss.data.kinds import NUMBER
from tfloss.sklearn import sparse

_WEIGHT = "sample_weight"


def prepared(
    features: Any,
    target: np.ndarray,
    *,
    classes: Classes | None,
    weight: np.ndarray | None,
    columns: Mapping[str, Any],
    scale: str,
    name: str,
    feature_names: tuple[str, ...] = (),
    scaler: Scaler | Literal["new"] | None = "new",
) -> PreparedData:
    """All rows as training rows; those of weight 0 are left out.

    Args:
        features: (n, d) floats, finite; an array, or scipy's sparse rows (CSR).
        target: (n,) or (n, k) labels, or numbers for regression; NaN: a row without a label.
        classes: of the labels; None for regression.
        weight: (n,) float64, or None.
        columns: further columns that the formula names, (n,) or (n, k); NaN: missing.
        scale: see `tfloss.data.prepare`; 'standard' by the weighted mean and deviation.
        name: of the estimator, for messages.
        feature_names: of a data frame.
        scaler: that was fitted before; 'new': one of these rows.
    """
    side_columns = dict(columns)
    kept: Any = slice(None)
    if weight is not None:
        side_columns[_WEIGHT] = (
            weight / weight[weight > 0].mean()
        )  # so that the mean loss keeps its size
        kept = weight > 0 if (weight == 0).any() else kept  # a mask would copy all rows
    features = features[kept]
    dense = not sparse.is_sparse(features)
    feature_names = feature_names or tuple(f"x{place}" for place in range(features.shape[1]))
    table = Table(
        features if dense else np.zeros((features.shape[0], 1)),
        target[kept],
        feature_names if dense else (),
        name=name,
        columns={key: np.asarray(column)[kept] for key, column in side_columns.items()},
        task="regression" if classes is None else "classification",
        weight=None if weight is None else _WEIGHT,
    )
    weights = table.columns.get(_WEIGHT)
    if isinstance(scaler, str):
        fit = Scaler.fit if dense else sparse.fit_scaler
        scaler = fit(features, scale, weights)
    train, nothing = (
        arrange(
            table,
            rows,
            classes=classes,
            scaler=scaler if dense else None,
            columns=list(columns),
        )
        for rows in (None, np.empty(0, np.int64))
    )
    source = FeatureSource.of(table)
    if not dense:
        train, nothing = (_of_sparse(part, features, scaler, scale) for part in (train, nothing))
        source = FeatureSource(feature_names, dict.fromkeys(feature_names, NUMBER), {})
    task = table.task or "classification"
    return PreparedData(train, nothing, task, classes, feature_names, scaler, name, source=source)


def _of_sparse(part: Columns, features: Any, scaler: Scaler | None, scale: str) -> Columns:
    """The part with what trains of sparse rows, and the rows themselves for teachers."""
    rows = features[part.rows]
    inputs = sparse.dense_inputs(rows, scaler, scale)
    return replace(part, values={**part.values, "inputs": inputs}, features=rows)
