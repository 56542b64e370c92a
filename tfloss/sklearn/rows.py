"""From checked arrays to the data of a training: all rows train."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tfloss.data import (
    Classes,
    Columns,
    Encoder,
    FeatureSource,
    PreparedData,
    Scaler,
    Table,
    arrange,
)
from tfloss.data.kinds import NUMBER
from tfloss.data.prepared import fit_scaler
from tfloss.sklearn import sparse
from tfloss.sklearn.network import Network

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
    before: Network | None = None,
) -> PreparedData:
    """All rows as training rows; those of weight 0 are left out.

    Args:
        features: (n, d) floats, finite; an array, scipy's sparse rows (CSR), or a table.
        target: (n,) or (n, k) labels, or numbers for regression; NaN: a row without a label.
        classes: of the labels; None for regression.
        weight: (n,) float64, or None.
        columns: further columns that the formula names, (n,) or (n, k); NaN: missing.
        scale: see `tfloss.data.prepare`; 'standard' by the weighted mean and deviation.
        name: of the estimator, for messages.
        feature_names: of a data frame.
        before: whose encoding and scaling these rows get; None: their own.
    """
    side_columns = dict(columns)
    kept: Any = slice(None)
    if weight is not None:
        side_columns[_WEIGHT] = (
            weight / weight[weight > 0].mean()
        )  # so that the mean loss keeps its size
        kept = weight > 0 if (weight == 0).any() else kept  # a mask would copy all rows
    given = features if isinstance(features, Table) else None
    features = (features if given is None else given.features)[kept]
    dense = not sparse.is_sparse(features)
    if given is not None:
        feature_names = given.feature_names
    feature_names = feature_names or tuple(f"x{place}" for place in range(features.shape[1]))
    table = Table(
        features if dense else np.zeros((features.shape[0], 1)),
        target[kept],
        feature_names if dense else (),
        name=name,
        columns={key: np.asarray(column)[kept] for key, column in side_columns.items()},
        task="regression" if classes is None else "classification",
        weight=None if weight is None else _WEIGHT,
        levels={} if given is None else given.levels,
        kinds={} if given is None else given.kinds,
    )
    encoder = _encoder(table) if before is None else before.encoder
    scaler = _scaler(table, features, encoder, scale) if before is None else before.scaler
    train, nothing = (
        arrange(
            table,
            rows,
            classes=classes,
            scaler=scaler if dense else None,
            encoder=encoder,
            columns=list(columns),
        )
        for rows in (None, np.empty(0, np.int64))
    )
    source = FeatureSource.of(table)
    if not dense:
        train, nothing = (_of_sparse(part, features, scaler, scale) for part in (train, nothing))
        source = FeatureSource(feature_names, dict.fromkeys(feature_names, NUMBER), {})
    return PreparedData(
        train,
        nothing,
        table.task or "classification",
        classes,
        feature_names if encoder is None else encoder.encoded_names,
        scaler,
        name,
        encoder=encoder,
        source=source,
    )


def _encoder(table: Table) -> Encoder | None:
    """Of all rows; None where they are numbers without gaps."""
    return None if table.numbers_only else Encoder.fitted_on(table, np.arange(len(table)))


def _scaler(table: Table, features: Any, encoder: Encoder | None, scale: str) -> Scaler | None:
    """Of the table's rows, or of sparse ones."""
    weights = table.columns.get(_WEIGHT)
    if sparse.is_sparse(features):
        return sparse.fit_scaler(features, scale, weights)
    return fit_scaler(table, None, encoder, scale, weights)


def _of_sparse(part: Columns, features: Any, scaler: Scaler | None, scale: str) -> Columns:
    """The part with what trains of sparse rows, and the rows themselves for teachers."""
    rows = features[part.rows]
    inputs = sparse.dense_inputs(rows, scaler, scale)
    return replace(part, values={**part.values, "inputs": inputs}, features=rows)
