"""From named columns to a table: which is the target, which are features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from tfloss.data import Table


@dataclass
class Columns:
    """What a file holds, before each column has its role.

    Attributes:
        names: the names of the columns, in the file's order.
        values: their arrays, (n,) each; (n, k) where a file can hold that; or a `Doubt`, which is
            refused where the column is used.
        features: the names that are features by the file's own layout; None: all that have no
            other use.
        default_target: the target by the file's own layout.
        notes: what a reader decided, a sentence each.
    """

    names: list[str]
    values: list[Any]
    features: list[str] | None = None
    default_target: str | None = None
    notes: list[str] = field(default_factory=list)

    def with_features(self, names: list[str], features: np.ndarray) -> Columns:
        """These columns, and the columns of a matrix in front."""
        return replace(
            self,
            names=names + self.names,
            values=[*features.T, *self.values],
            features=list(names),
        )

    def get(self, name: str, role: str, file: str) -> Any:
        """A column by name, or an error that offers the nearest names."""
        from tfloss.errors import DataError, did_you_mean, listed

        if name not in self.names:
            raise DataError(
                f"'{file}' has no column '{name}' for the {role}.{did_you_mean(name, self.names)} "
                f"It has: {listed(self.names)}."
            )
        return self.values[self.names.index(name)]


@dataclass(frozen=True)
class Roles:
    """What each column of a file is for; see the settings of a file.

    Attributes:
        target, weight: a column each.
        features: the features; None: all that have no other use.
        drop: columns that are left out.
        columns: to hand to losses by name.
        categories: features that are text whatever they look like.
        task: 'classification' or 'regression'.
    """

    target: str | None = None
    weight: str | None = None
    features: Sequence[str] | None = None
    drop: Sequence[str] = ()
    columns: Sequence[str] = ()
    categories: Sequence[str] = ()
    task: str | None = None


def table_of(columns: Columns, name: str, roles: Roles) -> Table:
    """Give each column its role, and make the table."""
    from tfloss.data import Doubt, Table, refuse_doubts
    from tfloss.errors import DataError

    twice = sorted({column for column in columns.names if columns.names.count(column) > 1})
    if twice:
        raise DataError(f"'{name}' has more than one column called '{twice[0]}'; rename one.")
    for column in roles.drop:
        columns.get(column, "columns to leave out (drop)", name)
    target = roles.target or columns.default_target
    others = {column: columns.get(column, "column", name) for column in roles.columns}
    if roles.weight is not None:
        others[roles.weight] = columns.get(roles.weight, "sample weights", name)
    targets = _targets(columns, target)
    labels = {one: columns.get(one, "target", name) for one in targets}
    features = _features(columns, roles, {*targets, *others}, name)
    for one in targets:
        if one in features:
            raise DataError(f"The column '{one}' of '{name}' cannot be feature and target.")
    used = {column: columns.get(column, "features", name) for column in features}
    everything = {**used, **others, **labels}
    refuse_doubts([one for one in everything.values() if isinstance(one, Doubt)], name)
    wide = [column for column, values in used.items() if values.ndim != 1]
    if wide:
        raise DataError(
            f"The column '{wide[0]}' of '{name}' has several values per row; name the features "
            f"with `features`, or call the matrix 'features' and the labels 'target'."
        )
    return Table(
        features=used,
        target=_together(list(labels.values())),
        target_names=tuple(targets) if len(targets) > 1 else (),
        name=name,
        columns=others,
        task=roles.task,  # type: ignore[arg-type]
        weight=roles.weight,
        categories=tuple(column for column in roles.categories if column in used),
        notes=tuple(columns.notes),
    )


def _targets(columns: Columns, target: str | None) -> list[str]:
    """The names of the targets: several with commas between, unless a column is called so."""
    if target is None or target in columns.names:
        return [] if target is None else [target]
    return [part.strip() for part in target.split(",")]


def _together(labels: list[Any]) -> Any:
    """One target as it is, several as the columns of a matrix."""
    import numpy as np

    if len(labels) < 2:
        return labels[0] if labels else None
    return np.column_stack([np.asarray(one) for one in labels])


def _features(columns: Columns, roles: Roles, other: set[str], name: str) -> list[str]:
    """The names of the features, in order."""
    from tfloss.errors import DataError

    features = roles.features
    if features is None:
        features = [c for c in columns.features or columns.names if c not in other]
    features = [column for column in features if column not in roles.drop]
    for column in roles.categories:
        columns.get(column, "categories", name)
    if not features:
        raise DataError(f"'{name}' has no feature columns besides its target and other columns.")
    return features
