"""Tables in files: CSV and Parquet through pyarrow, NPZ through numpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import tfloss
from tfloss_datasets.columns import Columns, table_of

if TYPE_CHECKING:
    from tfloss.data import Table


_PICKLES = (".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle")


@tfloss.hookimpl
def tfloss_find(kind: str, name: str) -> object | None:
    """A data set whose name ends like a file that can be read here."""
    if kind == "dataset" and Path(name).suffix.lower() in _PICKLES:
        raise tfloss.UsageError(
            f"The data '{name}' are a pickle, and loading a pickle runs whatever code it holds; "
            f"save them as CSV, Parquet or NPZ where you trust them."
        )
    reader = _READERS.get(Path(name).suffix.lower()) if kind == "dataset" else None
    return None if reader is None else _declare(Path(name), reader)


def _declare(path: Path, reader: Callable[[Path], Columns]) -> object:
    def read(
        *,
        target: str | None = None,
        weight: str | None = None,
        features: str | Sequence[str] | None = None,
        columns: str | Sequence[str] | None = None,
        task: str | None = None,
    ) -> Table:
        """A table in a file.

        target: the column to learn; without it no row has a label.
        weight: the column of sample weights.
        features: the feature columns; default: all that have no other use.
        columns: columns to hand to losses by name, or to use as a teacher.
        task: 'classification' or 'regression'; default: guessed from the target.
        """
        return table_of(
            _read(path, reader),
            name=path.name,
            target=target,
            weight=weight,
            features=_names(features),
            side_columns=_names(columns) or (),
            task=task,
        )

    return tfloss.dataset(read, name=f"{path.suffix.lower()[1:]}_file")


def _names(given: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Column names from a list, or from text with commas."""
    if given is None:
        return None
    parts = given.split(",") if isinstance(given, str) else given
    return tuple(part.strip() for part in parts)


def _read(path: Path, reader: Callable[[Path], Columns]) -> Columns:
    from tfloss.errors import DataError, TflossError, did_you_mean

    if not path.is_file():
        near = [entry.name for entry in path.parent.glob("*") if entry.suffix in _READERS]
        raise DataError(f"There is no file '{path}'.{did_you_mean(path.name, near)}")
    try:
        return reader(path)
    except TflossError:
        raise
    except Exception as error:  # pyarrow and numpy each have their own families of errors
        reason = str(error).strip().partition("\n")[0]
        raise DataError(
            f"The file '{path}' cannot be read as {path.suffix[1:].upper()}: {reason}"
        ) from error


def _csv(path: Path) -> Columns:
    from pyarrow import csv

    return _arrow(csv.read_csv(path))


def _parquet(path: Path) -> Columns:
    from pyarrow import parquet

    return _arrow(parquet.read_table(path))


def _arrow(table) -> Columns:  # type: ignore[no-untyped-def]
    """pyarrow's columns as numpy arrays; NaN, None or '' where a value is missing."""
    names = list(table.column_names)
    # A column read from dictionary-encoded Parquet has the values that it stands for.
    return Columns(names, [column.to_numpy() for column in table.columns])


def _npz(path: Path) -> Columns:
    """Members x and y, or features and target, or one member per column.

    Pickled members are refused by numpy: loading them could run code.
    """
    import numpy as np

    from tfloss.data import check_archive

    check_archive(path)
    with np.load(path, allow_pickle=False) as archive:
        members = {name: archive[name] for name in archive.files}
    features = next((members.pop(name) for name in ("features", "x", "X") if name in members), None)
    names = [str(name) for name in members.pop("feature_names", ())]
    columns = Columns(list(members), list(members.values()))
    if features is not None:
        features = features.reshape(len(features), -1)
        names = names or [f"x{index}" for index in range(features.shape[1])]
        columns = columns.with_features(names, features)
        columns.default_target = next((n for n in ("target", "y") if n in members), None)
    return columns


_READERS: dict[str, Callable[[Path], Columns]] = {
    ".csv": _csv,
    ".parquet": _parquet,
    ".npz": _npz,
}
