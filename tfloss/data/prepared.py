"""What training needs: scaled float32 columns for the training rows and for the holdout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tfloss.data.blocks import aligned, any_value, row_blocks, taken
from tfloss.data.categories import Embedding, embedded_columns
from tfloss.data.class_weights import with_class_weights
from tfloss.data.classes import Classes
from tfloss.data.columns import Columns
from tfloss.data.encoder import Encoder
from tfloss.data.frames import columns_of_frame, is_frame, names_in
from tfloss.data.leakage import redrawn, refuse_unknown_leaks
from tfloss.data.missing import Task
from tfloss.data.scaling import LeadingScaler, Scaler, fit_by_columns, refuse_unknown_scale
from tfloss.data.split import split_rows
from tfloss.data.table import Table
from tfloss.errors import DataError, OneClassError, UsageError, did_you_mean, listed


@dataclass(frozen=True, eq=False)
class FeatureSource:
    """What a table's features are, without their values.

    Attributes:
        names: d names.
        kinds: by name, see `tfloss.data.kinds`.
        levels: by category, the texts that its positions stand for.
        notes: what was decided when they were read.
    """

    names: tuple[str, ...]
    kinds: Mapping[str, str]
    levels: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, table: Table) -> FeatureSource:
        """Of this table."""
        return cls(table.feature_names, dict(table.kinds), dict(table.levels), table.notes)


@dataclass(frozen=True, eq=False)
class PreparedData:
    """Both sides of a split, and what is needed to treat other rows the same way.

    Attributes:
        train: the rows that train; rows without a label are among them.
        holdout: the rows that nothing is fitted on; all have a label. Can be empty.
        task: 'classification' or 'regression'.
        classes: the classes in their declared order; None for regression.
        feature_names: the names of the columns of `inputs`, in their order.
        scaler: what was fitted on the training rows; None without scaling.
        name: of the table.
        leaks: ways in which the holdout was seen after all, where that was asked for.
        encoder: how gaps are filled and categories encoded, before scaling; None where the data
            are numbers without gaps.
        source: the table's own features: names, kinds and levels; None where it is not known.
        guessed: whether the task was guessed from the target.
        embeddings: what a student needs for the last columns of `inputs`, which are positions.
        target_names: of several targets; () of one.
        multilabel: whether several targets are labels of 0 and 1, each by itself.
    """

    train: Columns
    holdout: Columns
    task: Task
    classes: Classes | None
    feature_names: tuple[str, ...]
    scaler: Scaler | None
    name: str = "data"
    leaks: tuple[str, ...] = ()
    encoder: Encoder | None = None
    source: FeatureSource | None = None
    guessed: bool = False
    embeddings: tuple[Embedding, ...] = ()
    target_names: tuple[str, ...] = ()
    multilabel: bool = False

    def __repr__(self) -> str:
        """One line: '<PreparedData iris: 135 rows train, 15 held out; 4 features; 3 classes>'."""
        what = "regression" if self.classes is None else f"{len(self.classes)} classes"
        if self.target_names:
            kind = "labels of 0 and 1" if self.multilabel else "targets"
            what = f"{len(self.target_names)} {kind}"
        return (
            f"<PreparedData {self.name}: {len(self.train)} rows train, {len(self.holdout)} held "
            f"out; {len(self.source_names)} features; {what}>"
        )

    @property
    def source_names(self) -> tuple[str, ...]:
        """The names of the features as they stand in the data."""
        return self.feature_names if self.encoder is None else self.encoder.names

    @property
    def n_features(self) -> int:
        return len(self.feature_names)

    @property
    def n_outputs(self) -> int:
        """Logits of a student: 1 for two classes, C for C classes, k for k targets."""
        if self.classes is None:
            labels = self.train.values.get("labels")
            return 1 if labels is None else labels.shape[-1]
        return 1 if len(self.classes) == 2 else len(self.classes)

    def arrange(self, table: Table, rows: np.ndarray | None = None) -> Columns:
        """Other rows in the same columns: features by name, scaled and encoded as these were."""
        return arrange(
            table.with_features(self.source_names),
            rows,
            classes=self.classes,
            scaler=self.scaler,
            encoder=self.encoder,
        )

    def table_of(self, features: Any) -> Table:
        """Rows without a target as a table: a data frame, or (n, d) in the order of training."""
        names = self.source_names
        if is_frame(features):
            columns = columns_of_frame(features)
            for name in names:
                if name not in columns:
                    raise DataError(
                        f"The features have no column '{name}'.{did_you_mean(name, columns)} They "
                        f"have: {listed(columns)}."
                    )
            features = {name: columns[name] for name in names}
        else:
            features = np.asarray(features)
            if features.ndim != 2 or features.shape[1] != len(names):
                raise DataError(
                    f"The features have shape {features.shape}; give one row per example, each "
                    f"of shape ({len(names)},)."
                )
        texts = () if self.encoder is None else self.encoder.texts
        return Table(features, None, names, "the features", categories=texts)

    def inputs_of(self, table: Table) -> np.ndarray:
        """The features of all rows, encoded and scaled as these were; (n, m) float32."""
        table = table.with_features(self.source_names)
        return _inputs(table, None, self.encoder, self.scaler)


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
    class_weight: Any = None,
    seed: int = 0,
    sample_weight: str | None = None,
    columns: Sequence[str] | None = None,
    embed: str | Sequence[str] = (),
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
        class_weight: how much the training rows of each class count: 'balanced', or a mapping from
            classes to weights; scores count all rows alike.
        sample_weight: the column that holds sample weights; default: the table's own.
        columns: the columns to take along; default: all of them.
        embed: categories of which the student learns a vector for each value: their names, or a
            number: all with more different values than it; commas between several.

    Raises:
        OneClassError: all training rows belong to one class.
        DataError: no labels, or a feature that cannot be embedded.
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
    encoder = _encoder(table, split.train, [n for part in _listed(embed) for n in names_in(part)])
    scaler = fit_scaler(table, None if "scaling" in leak else split.train, encoder, scale)
    train, holdout = (
        arrange(
            table,
            rows,
            classes=classes,
            scaler=scaler,
            encoder=encoder,
            weight=sample_weight,
            columns=columns,
        )
        for rows in (split.train, split.holdout)
    )
    train = with_class_weights(train, classes, class_weight, table.name)
    task: Task = "regression" if classes is None else "classification"
    return PreparedData(
        train,
        holdout,
        task,
        classes,
        table.feature_names if encoder is None else encoder.encoded_names,
        scaler,
        table.name,
        tuple(leak),
        encoder,
        FeatureSource.of(table),
        table.guessed,
        () if encoder is None else encoder.embeddings,
        table.target_names,
        table.multilabel,
    )


def _listed(given: str | Sequence[str]) -> Sequence[str]:
    return [given] if isinstance(given, str) else given


def _encoder(table: Table, rows: np.ndarray, embed: Sequence[str]) -> Encoder | None:
    """What these rows need; None for numbers without gaps."""
    if table.numbers_only:
        embedded_columns(table, rows, embed, {})  # which refuses a name
        return None
    return Encoder.fitted_on(table, rows, embed)


def fit_scaler(
    table: Table,
    rows: np.ndarray | None,
    encoder: Encoder | None,
    scale: str,
    weight: np.ndarray | None = None,
) -> Scaler | None:
    """The scaler of the encoded numbers of these rows (default: all), which may have weights."""
    if encoder is None:
        return Scaler.fit(table.features, scale, weight, rows)
    if not encoder.n_numbers:
        return None
    shape = (len(table) if rows is None else len(rows), encoder.n_numbers)
    numbers = fit_by_columns(partial(encoder.numbers, table, rows), shape, scale, weight)
    others = len(encoder.encoded_names) - encoder.n_numbers
    return LeadingScaler(numbers, others) if numbers is not None and others else numbers


def arrange(
    table: Table,
    rows: np.ndarray | None = None,
    *,
    classes: Classes | None,
    scaler: Scaler | None,
    encoder: Encoder | None = None,
    weight: str | None = None,
    columns: Sequence[str] | None = None,
) -> Columns:
    """Some rows of a table (default: all) as float32 columns; fits nothing.

    Args:
        table: its features must be in the order that `scaler` was fitted on.
        rows: (n,) row numbers.
        classes: the declared classes; None for regression.
        scaler: applied to the features; None leaves them as they are.
        encoder: applied before; None where they are numbers without gaps.
        weight: the column of sample weights; default: the table's own.
        columns: the columns to take along; default: all of them.
    """
    rows = np.arange(len(table)) if rows is None else rows
    inputs = _inputs(table, rows, encoder, scaler)
    values_by_name = {}
    present = {"labels": table.labelled[rows]}
    values_by_name["labels"], codes = _labels(table, rows, classes)
    for name in table.columns if columns is None else columns:
        if name in ("inputs", "labels"):
            raise UsageError(f"A column of '{table.name}' cannot be called '{name}'.")
        values = _extra(table, name)[rows]
        values = values[:, None] if values.ndim == 1 else values
        there = ~np.isnan(values)
        whole = (there == there[:, :1]).all()  # rows are there or not; else elements are
        present[name] = there[:, 0] if whole and there.shape[1] else there
        values_by_name[name] = np.where(there, values, 0.0)
    weight = weight or table.weight
    return Columns(
        {"inputs": inputs} | {n: _float32(n, c, rows, table) for n, c in values_by_name.items()},
        rows=rows,
        codes=codes,
        present={name: there for name, there in present.items() if not there.all()},
        sample_weight=None if weight is None else _weights(table, weight, rows),
        features=taken(table.features, rows),
    )


def _inputs(
    table: Table, rows: np.ndarray | None, encoder: Encoder | None, scaler: Scaler | None
) -> np.ndarray:
    """Encoded and scaled, (n, m) float32; some rows at a time."""
    if encoder is not None:
        table = table.with_features(encoder.names)  # once, since that may copy them
    count = len(table) if rows is None else len(rows)
    whole: np.ndarray | None = None
    for block in row_blocks(count, table.features.shape[1]):
        chosen = np.arange(block.start, block.stop) if rows is None else rows[block]
        values = _float32("inputs", _scaled(table, chosen, encoder, scaler), chosen, table)
        if block == slice(0, count):
            return values
        whole = aligned((count, values.shape[1]), np.float32) if whole is None else whole
        whole[block] = values
    assert whole is not None
    return whole


def _scaled(
    table: Table, rows: np.ndarray, encoder: Encoder | None, scaler: Scaler | None
) -> np.ndarray:
    """These rows encoded and scaled, (n, m) float64."""
    if encoder is not None:
        features = encoder.encode(table, rows)
    else:
        features = np.asarray(table.features[rows], np.float64)
        _refuse_gaps(features, table, rows)
    return features if scaler is None else scaler.transform(features)


def _refuse_gaps(features: np.ndarray, table: Table, rows: np.ndarray) -> None:
    """Training had no gaps, so nothing says what stands for one; and no text."""
    if table.categories:
        raise DataError(
            f"The feature '{table.categories[0]}' of '{table.name}' holds text, but training had "
            f"numbers in it; fix the column."
        )
    bad = np.argwhere(np.isnan(features))
    if len(bad):
        row, place = bad[0]
        raise DataError(
            f"The feature '{table.feature_names[place]}' of '{table.name}' is missing (NaN) in row "
            f"{rows[row]} (counted from 0), and no training row had a "
            f"gap; fill it in, or leave out the row."
        )


def _float32(name: str, column: np.ndarray, rows: np.ndarray, table: Table) -> np.ndarray:
    """The column as training reads it.

    Raises:
        DataError: a number that is infinite, or becomes so in float32.
    """
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(column, dtype=np.float32)
    if any_value(values, _not_finite):
        row, place = (int(index) for index in np.argwhere(_not_finite(values))[0])
        what, value = f"column '{name}'", column[row, place]
        row = int(rows[row])
        if name == "labels":
            what = "target"
        elif name == "inputs":
            largest = np.nanargmax(np.abs(table.features[row])) if table.categories else place
            place = min(int(largest), table.features.shape[1] - 1)
            what, value = f"feature '{table.feature_names[place]}'", table.features[row, place]
        raise DataError(
            f"The {what} of '{table.name}' is {value:g} in row {row} (counted from 0), more "
            f"than float32 can hold; use another unit."
        )
    return values


def _not_finite(values: np.ndarray) -> np.ndarray:
    return ~np.isfinite(values)


def _labels(
    table: Table, rows: np.ndarray, classes: Classes | None
) -> tuple[np.ndarray, np.ndarray]:
    """The labels (n, k), 0 where missing, and their codes (n,)."""
    target = table.target[rows]
    if classes is not None:
        codes = classes.encode(target, table=table.name)
        return classes.one_hot(codes), codes
    values = np.zeros(target.shape)
    there = table.labelled[rows]
    try:
        values[there] = target[there].astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"The target of '{table.name}' is not a number in every row, as regression needs: "
            f"{error}."
        ) from error
    values = values[:, None] if values.ndim == 1 else values
    return values, np.empty(0, dtype=np.int64)


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
