"""What training needs: scaled float32 columns for the training rows and for the holdout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfloss.data.classes import Classes
from tfloss.data.columns import Columns
from tfloss.data.leakage import redrawn, refuse_unknown_leaks
from tfloss.data.missing import Task
from tfloss.data.scaling import Scaler, refuse_unknown_scale
from tfloss.data.split import split_rows
from tfloss.data.table import Table
from tfloss.errors import DataError, OneClassError, UsageError, did_you_mean, listed


@dataclass(frozen=True, eq=False)
class PreparedData:
    """Both sides of a split, and what is needed to treat other rows the same way.

    Attributes:
        train: the rows that train; rows without a label are among them.
        holdout: the rows that nothing is fitted on; all have a label. Can be empty.
        task: 'classification' or 'regression'.
        classes: the classes in their declared order; None for regression.
        feature_names: d names, in the order of the columns of `inputs`.
        scaler: what was fitted on the training rows; None without scaling.
        name: of the table.
        leaks: ways in which the holdout was seen after all, where that was asked for.
    """

    train: Columns
    holdout: Columns
    task: Task
    classes: Classes | None
    feature_names: tuple[str, ...]
    scaler: Scaler | None
    name: str = "data"
    leaks: tuple[str, ...] = ()

    @property
    def n_features(self) -> int:
        return len(self.feature_names)

    @property
    def n_outputs(self) -> int:
        """Logits of a student: 1 for two classes and for regression, C for C classes."""
        return 1 if self.classes is None or len(self.classes) == 2 else len(self.classes)

    def arrange(self, table: Table, rows: np.ndarray | None = None) -> Columns:
        """Other rows in the same columns: features by name, scaled and encoded as these were."""
        table = table.with_features(self.feature_names)
        return arrange(table, rows, classes=self.classes, scaler=self.scaler)


def prepare(
    table: Table,
    *,
    train_fraction: float | None = None,
    train_size: int | None = None,
    test_size: float | int | None = None,
    stratify: bool = True,
    scale: str = "standard",
    bootstrap: bool = False,
    leak: Sequence[str] = (),
    seed: int = 0,
    sample_weight: str | None = None,
    columns: Sequence[str] | None = None,
) -> PreparedData:
    """Split, scale and encode a table.

    Args:
        table: where the rows come from.
        train_fraction, train_size, test_size, stratify, seed: see `split_rows`; 90 % of the
            labelled rows train when no size is given. Regression is never stratified.
        scale: how the features are scaled, fitted on the training rows: 'standard', 'minmax',
            'maxabs', 'robust', 'quantile', 'power' (scikit-learn's scalers), or 'none'.
        bootstrap: draw the training rows with replacement, with `stratify` as many of each class
            as without; the holdout is drawn from the rows that were never drawn.
        leak: for showing what a leak is worth. 'overlap': the holdout is drawn from all rows, those
            that train among them; 'scaling': features are scaled by all rows.
        sample_weight: the column that holds sample weights; default: the table's own.
        columns: the columns to take along; default: all of them.

    Raises:
        OneClassError: all training rows belong to one class.
        DataError: no labels.
        UsageError: impossible sizes, an unknown leak, or a column that is not there.
    """
    refuse_unknown_leaks(leak)
    refuse_unknown_scale(scale)
    classes = None
    codes = np.zeros(len(table), dtype=np.int64)
    if table.task == "classification":
        classes = Classes.of(table.target, table.class_names, table=table.name)
        codes = classes.encode(table.target, table=table.name)
    elif not table.labelled.any():
        raise DataError(f"No row of '{table.name}' has a label; name the target column.")
    split = split_rows(
        codes,
        table.labelled,
        train_fraction=train_fraction,
        train_size=train_size,
        test_size=test_size,
        stratify=stratify and classes is not None,
        seed=seed,
    )
    if bootstrap or "overlap" in leak:
        overlap = "overlap" in leak
        split = redrawn(
            split,
            codes,
            table.labelled,
            bootstrap=bootstrap,
            overlap=overlap,
            stratify=stratify and classes is not None,
            seed=seed,
        )
    if classes is not None:
        _refuse_single_class(classes, codes[split.train], table.name)
    seen = table.features if "scaling" in leak else table.features[split.train]
    scaler = Scaler.fit(seen, scale)
    train, holdout = (
        arrange(table, rows, classes=classes, scaler=scaler, weight=sample_weight, columns=columns)
        for rows in (split.train, split.holdout)
    )
    task: Task = "regression" if classes is None else "classification"
    return PreparedData(
        train, holdout, task, classes, table.feature_names, scaler, table.name, tuple(leak)
    )


def arrange(
    table: Table,
    rows: np.ndarray | None = None,
    *,
    classes: Classes | None,
    scaler: Scaler | None,
    weight: str | None = None,
    columns: Sequence[str] | None = None,
) -> Columns:
    """Some rows of a table (default: all) as float32 columns; fits nothing.

    Args:
        table: its features must be in the order that `scaler` was fitted on.
        rows: (n,) row numbers.
        classes: the declared classes; None for regression.
        scaler: applied to the features; None leaves them as they are.
        weight: the column of sample weights; default: the table's own.
        columns: the columns to take along; default: all of them.
    """
    rows = np.arange(len(table)) if rows is None else rows
    features = table.features[rows]
    values_by_name = {"inputs": features if scaler is None else scaler.transform(features)}
    present = {"labels": table.labelled[rows]}
    values_by_name["labels"], codes = _labels(table, rows, classes)
    for name in table.columns if columns is None else columns:
        if name in ("inputs", "labels"):
            raise UsageError(f"A column of '{table.name}' cannot be called '{name}'.")
        values = _extra(table, name)[rows]
        values = values[:, None] if values.ndim == 1 else values
        present[name] = ~np.isnan(values).any(axis=1)
        values_by_name[name] = np.where(present[name][:, None], values, 0.0)
    weight = weight or table.weight
    return Columns(
        {name: _float32(name, c, rows, table) for name, c in values_by_name.items()},
        rows=rows,
        codes=codes,
        present={name: there for name, there in present.items() if not there.all()},
        sample_weight=None if weight is None else _weights(table, weight, rows),
    )


def _float32(name: str, column: np.ndarray, rows: np.ndarray, table: Table) -> np.ndarray:
    """The column as training reads it.

    Raises:
        DataError: a number that is infinite, or becomes so in float32.
    """
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(column, dtype=np.float32)
    bad = ~np.isfinite(values)
    if bad.any():
        row, place = (int(index) for index in np.argwhere(bad)[0])
        what, value = f"column '{name}'", column[row, place]
        if name == "labels":
            what = "target"
        elif name == "inputs":
            what, value = (
                f"feature '{table.feature_names[place]}'",
                table.features[rows[row], place],
            )
        raise DataError(
            f"The {what} of '{table.name}' is {value:g} in row {rows[row]} (counted from 0), more "
            f"than float32 can hold; use another unit."
        )
    return values


def _labels(
    table: Table, rows: np.ndarray, classes: Classes | None
) -> tuple[np.ndarray, np.ndarray]:
    """The labels (n, k), 0 where missing, and their codes (n,)."""
    target = table.target[rows]
    if classes is not None:
        codes = classes.encode(target, table=table.name)
        return classes.one_hot(codes), codes
    values = np.zeros(len(rows))
    there = table.labelled[rows]
    try:
        values[there] = target[there].astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"The target of '{table.name}' is not a number in every row, as regression needs: "
            f"{error}."
        ) from error
    return values[:, None], np.empty(0, dtype=np.int64)


def _extra(table: Table, name: str) -> np.ndarray:
    if name not in table.columns:
        raise UsageError(
            f"'{table.name}' has no column '{name}'.{did_you_mean(name, table.columns)} "
            f"It has: {listed(table.columns)}."
        )
    return table.columns[name]


def _weights(table: Table, name: str, rows: np.ndarray) -> np.ndarray:
    weights = _extra(table, name)[rows]
    if weights.ndim == 2 and weights.shape[1] == 1:
        weights = weights[:, 0]
    if weights.ndim != 1 or not np.isfinite(weights).all() or (weights < 0).any():
        raise DataError(
            f"The sample weights '{name}' of '{table.name}' must be one finite number, "
            f"0 or more, per row."
        )
    if len(weights) and not weights.any():
        raise DataError(f"The sample weights '{name}' of '{table.name}' are all 0.")
    return weights.astype(np.float32)


def _refuse_single_class(classes: Classes, codes: np.ndarray, table: str) -> None:
    """A student, and every classifier that teaches it, needs something to tell apart."""
    seen = np.unique(codes[codes >= 0])
    if len(seen) < 2:
        only = classes.names[seen[0]]
        raise OneClassError(
            f"All training rows of '{table}' belong to the class '{only}'; "
            f"train on more rows, or stratify the split."
        )
