"""Tables in files: text, Parquet and Feather through pyarrow, NPZ through numpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tfloss
from tfloss_datasets.columns import Columns, Roles, table_of

if TYPE_CHECKING:
    import numpy as np

    from tfloss.data import Table


_PICKLES = (".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle")
_TEXT = (".csv", ".tsv", ".txt", ".data")
_ARROW = b"ARROW1"
_CELL = 8  # bytes of a number


@tfloss.hookimpl
def tfloss_find(kind: str, name: str) -> object | None:
    """A data set whose name ends like a file that can be read here."""
    if kind != "dataset":
        return None
    suffix = _suffix(Path(name))
    if suffix in _PICKLES:
        raise tfloss.UsageError(
            f"The data '{name}' are a pickle, and loading a pickle runs whatever code it holds; "
            f"save them as CSV, Parquet or NPZ where you trust them."
        )
    if suffix in _TEXT:
        return _declare_text(Path(name))
    reader = _READERS.get(suffix)
    return None if reader is None else _declare(Path(name), reader)


def _suffix(path: Path) -> str:
    """'.csv', also of 'rows.csv.gz'."""
    suffix = path.suffix.lower()
    return Path(path.stem).suffix.lower() if suffix == ".gz" else suffix


def _declare(path: Path, reader: Callable[[Path], Columns]) -> object:
    def read(
        *,
        target: str | None = None,
        weight: str | None = None,
        features: str | Sequence[str] | None = None,
        drop: str | Sequence[str] | None = None,
        columns: str | Sequence[str] | None = None,
        categories: str | Sequence[str] | None = None,
        task: str | None = None,
    ) -> Table:
        """A table in a file.

        target: the column to learn; without it no row has a label.
        weight: the column of sample weights.
        features: the feature columns; default: all that have no other use.
        drop: columns that are left out.
        columns: columns to hand to losses by name, or to use as a teacher.
        categories: features that are categories even where they look like numbers.
        task: 'classification' or 'regression'; default: guessed from the target.
        """
        roles = _roles(target, weight, features, drop, columns, categories, task)
        return table_of(_read(path, reader), path.name, roles)

    return tfloss.dataset(read, name=f"{_suffix(path)[1:]}_file")


def _declare_text(path: Path) -> object:
    def read(
        *,
        target: str | None = None,
        weight: str | None = None,
        features: str | Sequence[str] | None = None,
        drop: str | Sequence[str] | None = None,
        columns: str | Sequence[str] | None = None,
        categories: str | Sequence[str] | None = None,
        task: str | None = None,
        separator: str | None = None,
        encoding: str | None = None,
        header: bool | None = None,
        decimal: str | None = None,
    ) -> Table:
        """A table in a text file, also compressed by gzip.

        target, weight, features, drop, columns, categories, task: see a table in a file.
        separator: between cells, ',' or 'tab' for example; 'space' is any white space; default:
            found from the first lines.
        encoding: of the text; default: utf-8.
        header: whether the first line has the columns' names; default: found, refused where it is
            in doubt.
        decimal: ',' or '.'; default: found from the cells.
        """
        from tfloss_datasets import text_files

        if decimal not in (None, ",", "."):
            raise tfloss.UsageError(f"The decimal sign cannot be {decimal!r}; it is ',' or '.'.")
        roles = _roles(target, weight, features, drop, columns, categories, task)
        layout = text_files.Layout(separator, encoding, header, decimal)
        labels = target if task == "classification" else None

        def read_text(file: Path) -> Columns:
            return text_files.read(file, layout, tuple(roles.categories), labels)

        return table_of(_read(path, read_text), path.name, roles)

    return tfloss.dataset(read, name=f"{_suffix(path)[1:]}_file")


def _roles(
    target: str | None,
    weight: str | None,
    features: Any,
    drop: Any,
    columns: Any,
    categories: Any,
    task: str | None,
) -> Roles:
    return Roles(
        target,
        weight,
        _names(features),
        _names(drop) or (),
        _names(columns) or (),
        _names(categories) or (),
        task,
    )


def _names(given: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Column names from a list, or from text with commas."""
    if given is None:
        return None
    parts = given.split(",") if isinstance(given, str) else given
    return tuple(part.strip() for part in parts)


def _read(path: Path, reader: Callable[[Path], Columns]) -> Columns:
    from tfloss.errors import DataError, TflossError, did_you_mean, first_line

    if not path.is_file():
        known = (*_READERS, *_TEXT)
        near = [entry.name for entry in path.parent.glob("*") if _suffix(entry) in known]
        raise DataError(f"There is no file '{path}'.{did_you_mean(path.name, near)}")
    try:
        return reader(path)
    except TflossError:
        raise
    except Exception as error:  # pyarrow and numpy each have their own families of errors
        reason = first_line(error)
        raise DataError(
            f"The file '{path}' cannot be read as {_suffix(path)[1:].upper()}: {reason}"
        ) from error


def _parquet(path: Path) -> Columns:
    from pyarrow import parquet

    from tfloss.data import refuse_too_much

    with parquet.ParquetFile(path) as file:
        about = file.metadata
        groups = (about.row_group(place).total_byte_size for place in range(about.num_row_groups))
        cells = about.num_rows * about.num_columns * _CELL  # a value that repeats is there once
        refuse_too_much(path, max(sum(groups), cells), path.stat().st_size)
    return _arrow(parquet.read_table(path))


def _feather(path: Path) -> Columns:
    import pyarrow as pa
    from pyarrow import feather

    from tfloss.data import refuse_too_much

    with path.open("rb") as file:
        if file.read(len(_ARROW)) != _ARROW:
            return _arrow(feather.read_table(path))  # of the first version, which is not packed
    batches, unpacked = [], 0
    with pa.OSFile(str(path)) as file:
        reader = pa.ipc.open_file(file)
        for place in range(reader.num_record_batches):
            batch = reader.get_batch(place)
            unpacked += max(batch.nbytes, batch.num_rows * batch.num_columns * _CELL)
            refuse_too_much(path, unpacked, path.stat().st_size)
            batches.append(batch)
        return _arrow(pa.Table.from_batches(batches, reader.schema))


def _arrow(table) -> Columns:  # type: ignore[no-untyped-def]
    """pyarrow's columns as numpy arrays; NaN, None or '' where a value is missing."""
    names = list(table.column_names)
    # A column read from dictionary-encoded Parquet has the values that it stands for.
    return Columns(names, [column.to_numpy() for column in table.columns])


def _npz(path: Path) -> Columns:
    """Members x and y, or features and target, or one member per column; or Keras' x_train, ….

    Pickled members are refused by numpy: loading them could run code.
    """
    import numpy as np

    from tfloss.data import check_archive

    check_archive(path)
    with np.load(path, allow_pickle=False) as archive:
        members = {name: archive[name] for name in archive.files}
    notes = _put_together(members)
    features = next((members.pop(name) for name in ("features", "x", "X") if name in members), None)
    names = [str(name) for name in members.pop("feature_names", ())]
    columns = Columns(list(members), list(members.values()), notes=notes)
    if features is not None:
        features = features.reshape(len(features), -1)
        names = names or [f"x{index}" for index in range(features.shape[1])]
        columns = columns.with_features(names, features)
        columns.default_target = next((n for n in ("target", "y") if n in members), None)
    return columns


def _put_together(members: dict[str, np.ndarray]) -> list[str]:
    """The layout of Keras' data sets, x_train, y_train, x_test, y_test, as x and y."""
    import numpy as np

    if not {"x_train", "y_train"} <= set(members):
        return []
    parts = [side for side in ("train", "test") if f"x_{side}" in members]
    sizes = [len(members[f"x_{side}"]) for side in parts]
    for axis in ("x", "y"):
        members[axis] = np.concatenate([members.pop(f"{axis}_{side}") for side in parts])
    if members["y"].ndim == 2 and members["y"].shape[1] == 1:
        members["y"] = members["y"][:, 0]
    rows = " and ".join(f"{size} rows of x_{side}" for side, size in zip(parts, sizes, strict=True))
    return [f"{rows} are one table, which is split again."]


_READERS: dict[str, Callable[[Path], Columns]] = {
    ".parquet": _parquet,
    ".feather": _feather,
    ".arrow": _feather,
    ".npz": _npz,
}
