"""A data set by its registered name, or from what a plugin finds under that name."""

from __future__ import annotations

from typing import Any

from tfloss.data.table import Table
from tfloss.errors import PluginError, TflossError, UsageError
from tfloss.registry import Dataset, Registry, check_settings


def load_dataset(spec: str, registry: Registry, **settings: Any) -> Table:
    """Load `spec`, a registered data set or, for example, a file.

    Args:
        spec: 'breast_cancer', 'rows.csv', …
        registry: who knows data sets.
        **settings: the data set's own; None stands for "not said".

    Raises:
        UsageError: an unknown name or setting.
        DataError: the data cannot be used.
        PluginError: the loader failed or returned something other than a Table.
    """
    declaration = registry.get(Dataset, spec)
    given = {name: value for name, value in settings.items() if value is not None}
    check_settings(declaration, given, refuse=UsageError)
    try:
        table = declaration(**given)
    except TflossError:
        raise
    except Exception as error:
        raise PluginError(
            f"The data set '{spec}' of {declaration.distribution or 'an unknown plugin'} failed: "
            f"{type(error).__name__}: {error}."
        ) from error
    if not isinstance(table, Table):
        raise PluginError(
            f"The data set '{spec}' returned a {type(table).__name__}; a data set returns a "
            f"tfloss.data.Table."
        )
    return table
