"""A table in two: rows that are searched on, and rows that confirm what was found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tfloss.data import Table
from tfloss.data.split import split_rows
from tfloss.errors import UsageError


def search_split(table: Table, share: float, seed: int) -> tuple[Table, Table]:
    """Split the labelled rows once; classes keep their shares. Rows without a label are left out.

    Args:
        table: all rows.
        share: of the rows that are searched on, between 0 and 1.
        seed: of the split.

    Raises:
        UsageError: a share that leaves one side empty.
    """
    if not 0 < share < 1:
        raise UsageError(f"The share of rows to search on is {share:g}; it must be inside 0 to 1.")
    classification = table.task == "classification"
    codes = np.zeros(len(table), np.int64)
    if classification:
        codes[table.labelled] = np.unique(table.target[table.labelled], return_inverse=True)[1]
    split = split_rows(
        codes, table.labelled, train_fraction=share, stratify=classification, seed=seed
    )
    labelled = split.train[table.labelled[split.train]]
    return _rows_of(table, labelled), _rows_of(table, split.holdout)


def _rows_of(table: Table, rows: np.ndarray) -> Table:
    rows = np.sort(rows)
    columns = {name: column[rows] for name, column in table.columns.items()}
    return replace(table, features=table.features[rows], target=table.target[rows], columns=columns)
