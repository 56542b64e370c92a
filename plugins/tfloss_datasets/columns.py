"""From named columns to a table: which is the target, which are features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from tfloss.data import Table


@dataclass
class Columns:
    """What a file holds, before each column has its role.

    Attributes:
        names: the names of the columns, in the file's order.
        values: their arrays, (n,) each; (n, k) where a file can hold that.
        features: the names that are features by the file's own layout; None: all that have no
            other use.
        default_target: the target by the file's own layout.
    """

    names: list[str]
    values: list[np.ndarray]
    features: list[str] | None = None
    default_target: str | None = None

    def with_features(self, names: list[str], features: np.ndarray) -> Columns:
        """These columns, and the columns of a matrix in front."""
        return replace(
            self,
            names=names + self.names,
            values=[*features.T, *self.values],
            features=list(names),
        )

    def get(self, name: str, role: str, file: str) -> np.ndarray:
        """A column by name, or an error that offers the nearest names."""
        from tfloss.errors import DataError, did_you_mean, listed

        if name not in self.names:
            raise DataError(
                f"'{file}' has no column '{name}' for the {role}.{did_you_mean(name, self.names)} "
                f"It has: {listed(self.names)}."
            )
        return self.values[self.names.index(name)]


def table_of(
    columns: Columns,
    *,
    name: str,
    target: str | None,
    weight: str | None,
    features: Sequence[str] | None = None,
    side_columns: Sequence[str] = (),
    task: str | None = None,
) -> Table:
    """Give each column its role, and make the table."""
    import numpy as np

    from tfloss.data import Table
    from tfloss.errors import DataError

    twice = sorted({column for column in columns.names if columns.names.count(column) > 1})
    if twice:
        raise DataError(f"'{name}' has more than one column called '{twice[0]}'; rename one.")
    target = target or columns.default_target
    others = {column: columns.get(column, "column", name) for column in side_columns}
    if weight is not None:
        others[weight] = columns.get(weight, "sample weights", name)
    labels = None if target is None else columns.get(target, "target", name)
    other = {target, *others}
    if features is None:
        features = [c for c in columns.features or columns.names if c not in other]
    for column in features:
        if column == target:
            raise DataError(f"The column '{column}' of '{name}' cannot be feature and target.")
    values_of = [columns.get(column, "features", name) for column in features]
    if not values_of:
        raise DataError(f"'{name}' has no feature columns besides its target and other columns.")
    wide = [c for c, values in zip(features, values_of, strict=True) if values.ndim != 1]
    if wide:
        raise DataError(
            f"The column '{wide[0]}' of '{name}' has several values per row; name the features "
            f"with `features`, or call the matrix 'features' and the labels 'target'."
        )
    numeric = all(values.dtype.kind in "biuf" for values in values_of)
    lengths = {len(values) for values in values_of}
    if len(lengths) > 1:
        raise DataError(f"The columns of '{name}' have different lengths: {sorted(lengths)}.")
    matrix = np.column_stack(values_of if numeric else [_as_objects(v) for v in values_of])
    return Table(
        features=matrix,
        target=labels,  # type: ignore[arg-type]
        feature_names=tuple(features),
        name=name,
        columns=others,
        task=task,  # type: ignore[arg-type]
        weight=weight,
    )


def _as_objects(values: np.ndarray) -> np.ndarray:
    return values.astype(object)
