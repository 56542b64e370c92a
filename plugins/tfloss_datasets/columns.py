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
    columns_wanted: Sequence[str] | None = None,
    extra: Sequence[str] = (),
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
    extras = {column: columns.get(column, "extra column", name) for column in extra}
    if weight is not None:
        extras[weight] = columns.get(weight, "sample weights", name)
    labels = None if target is None else columns.get(target, "target", name)
    other = {target, *extras}
    if columns_wanted is None:
        columns_wanted = [c for c in columns.features or columns.names if c not in other]
    for column in columns_wanted:
        if column == target:
            raise DataError(f"The column '{column}' of '{name}' cannot be feature and target.")
    features = [columns.get(column, "features", name) for column in columns_wanted]
    if not features:
        raise DataError(f"'{name}' has no feature columns besides its target and extra columns.")
    wide = [c for c, values in zip(columns_wanted, features, strict=True) if values.ndim != 1]
    if wide:
        raise DataError(
            f"The column '{wide[0]}' of '{name}' has several values per row; name the features "
            f"with columns, or call the matrix 'features' and the labels 'target'."
        )
    numeric = all(values.dtype.kind in "biuf" for values in features)
    lengths = {len(values) for values in features}
    if len(lengths) > 1:
        raise DataError(f"The columns of '{name}' have different lengths: {sorted(lengths)}.")
    matrix = np.column_stack(features if numeric else [_as_objects(v) for v in features])
    return Table(
        features=matrix,
        target=labels,  # type: ignore[arg-type]
        feature_names=tuple(columns_wanted),
        name=name,
        extras=extras,
        task=task,  # type: ignore[arg-type]
        weight=weight,
    )


def _as_objects(values: np.ndarray) -> np.ndarray:
    return values.astype(object)
