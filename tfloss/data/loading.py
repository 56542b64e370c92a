"""A data set by its registered name, or from what a plugin finds under that name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tfloss.data.frames import category_columns, columns_of_frame, is_frame, names_in
from tfloss.data.table import Table
from tfloss.errors import (
    DataError,
    PluginError,
    TflossError,
    UsageError,
    did_you_mean,
    listed,
    message_of,
)
from tfloss.registry import Dataset, Registry, check_settings


def load_dataset(
    spec: str,
    registry: Registry,
    *,
    features: Any = None,
    drop: Any = None,
    categories: Any = None,
    task: Any = None,
    **settings: Any,
) -> Table:
    """Load `spec`, a registered data set or, for example, a file.

    Args:
        spec: 'breast_cancer', 'rows.csv', …
        registry: who knows data sets.
        features: the names of its features that are used; default: all.
        drop: the names of those that are left out.
        categories: the names of features that are categories even where they look like numbers.
        task: 'classification' or 'regression'; default: the data set's own, or guessed.
        **settings: the data set's own; None is as if it was not given.

    Raises:
        UsageError: an unknown name or setting.
        DataError: the data cannot be used.
        PluginError: the loader failed or returned something other than a Table.
    """
    declaration = registry.get(Dataset, spec)
    choice = {"features": features, "drop": drop, "categories": categories, "task": task}
    own = {name for name in choice if name in declaration.settings}
    settings |= {name: choice[name] for name in own}
    given = {name: value for name, value in settings.items() if value is not None}
    check_settings(declaration, given, refuse=UsageError)
    try:
        table = declaration(**given)
    except TflossError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"The data set '{spec}' of {declaration.distribution or 'an unknown plugin'} failed: "
            f"{type(error).__name__}: {message_of(error)}."
        ) from error
    if not isinstance(table, Table):
        raise PluginError(
            f"The data set '{spec}' returned a {type(table).__name__}; a data set returns a "
            f"tfloss.data.Table."
        )
    chosen = {name: value for name, value in choice.items() if name not in own}
    return choose_features(table, **chosen)


def choose_features(
    table: Table,
    *,
    features: Any = None,
    drop: Any = None,
    categories: Any = None,
    task: Any = None,
) -> Table:
    """The table with some of its features, and for a task; see `load_dataset`.

    Raises:
        DataError: a name that is no feature, or no feature is left.
    """
    for name in names_in(drop):
        table.with_features([name])  # refuses a name that is no feature
    chosen = names_in(features) or table.feature_names
    chosen = tuple(name for name in chosen if name not in names_in(drop))
    if chosen != table.feature_names:
        table = table.with_features(chosen)
    if categories:
        table = replace(table, categories=(*table.categories, *names_in(categories)))
    if task is not None and task != table.task:
        table = replace(table, task=task, class_names=(), guessed=False)
    return table


def table_from(
    source: Any, *, features: Any = None, drop: Any = None, target: Any = None, **options: Any
) -> Table:
    """The table of a data frame, or of `(features, target)`.

    Args:
        source: a frame with the target among its columns, or a pair.
        features, drop: names of columns, as for `load_dataset`.
        target: the frame's column to learn.
        **options: see `tfloss.Table`; `columns` and `weight` can be names of the frame's columns.

    Raises:
        UsageError: neither a frame nor a pair.
        DataError: a column that is not there, or data that cannot be used.
    """
    if not is_frame(source):
        try:
            given, labels = source
        except (TypeError, ValueError):
            raise UsageError(
                f"A {type(source).__name__} is no data; give a name, a file, a tfloss.Table, a "
                f"data frame, or a pair (features, target)."
            ) from None
        if target is not None:
            raise UsageError("The target was given twice: in the pair, and by its name.")
        return _chosen(given, labels, features, drop, options)
    columns = columns_of_frame(source)
    declared = category_columns(source)
    weight, side = options.pop("weight", None), names_in(options.pop("columns", ()))
    targets = [target] if target in columns else list(names_in(target))
    for name in (*targets, *([weight] if weight else []), *side):
        if name not in columns:
            raise DataError(
                f"The data have no column '{name}'.{did_you_mean(name, columns)} They have: "
                f"{listed(columns)}."
            )
    side = (*side, *([weight] if weight else []))
    others = {name: columns.pop(name) for name in dict.fromkeys(side)}
    own = [columns.pop(name) for name in targets]
    categories = (*names_in(options.pop("categories", ())), *(n for n in declared if n in columns))
    together: Any = own[0] if own else None
    if len(own) > 1:
        together, options["target_names"] = np.column_stack(own), tuple(targets)
    return _chosen(
        columns,
        together,
        features,
        drop,
        {**options, "columns": others, "weight": weight, "categories": categories},
    )


def _chosen(given: Any, target: Any, features: Any, drop: Any, options: Mapping[str, Any]) -> Table:
    """Columns that are left out are not read, so that they may hold anything."""
    if is_frame(given):
        columns = columns_of_frame(given)
        wanted = names_in(features) or tuple(columns)
        for name in (*wanted, *names_in(drop)):
            if name not in columns:
                raise DataError(
                    f"The data have no feature '{name}'.{did_you_mean(name, columns)} They have: "
                    f"{listed(columns)}."
                )
        kept = {name: columns[name] for name in wanted if name not in names_in(drop)}
        declared = (name for name in category_columns(given) if name in kept)
        categories = (*names_in(options.get("categories")), *declared)
        return Table(kept, target, **{**options, "categories": categories})
    return choose_features(Table(given, target, **options), features=features, drop=drop)
