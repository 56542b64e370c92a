"""The columns of a file, from its first line or its schema: quickly, for a shell's Tab."""

from __future__ import annotations

import csv
import gzip
import importlib
from pathlib import Path

_LONGEST_LINE = 100_000  # characters of a header
_SEPARATORS = ",;\t|"


def column_names(path: Path) -> list[str]:
    """What the file's columns are called; [] where that cannot be told."""
    suffix = path.suffix.lower()
    try:
        if suffix == ".parquet":
            return list(importlib.import_module("pyarrow.parquet").read_schema(path).names)
        if suffix in (".feather", ".arrow"):
            return list(importlib.import_module("pyarrow.ipc").open_file(path).schema.names)
        return _of_text(path)
    except Exception:  # damaged, or not what its ending says: a shell offers nothing
        return []


def _of_text(path: Path) -> list[str]:
    packed = path.suffix.lower() == ".gz"
    kind = Path(path.stem).suffix if packed else path.suffix
    if kind.lower() not in (".csv", ".tsv", ".txt", ".data"):
        return []
    with gzip.open(path) if packed else path.open("rb") as file:
        line = file.readline(_LONGEST_LINE).decode("utf-8-sig", errors="replace").strip()
    separator = max(_SEPARATORS, key=line.count)
    return [name.strip() for name in next(csv.reader([line], delimiter=separator), [])]
