"""Rows set aside from those that train, to find the epoch at which to stop."""

from __future__ import annotations

import numpy as np

from tfloss.data.prepared import PreparedData
from tfloss.data.split import split_rows
from tfloss.errors import DataError, TflossError


def validation_split(
    data: PreparedData, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Positions in the training part: rows that train, and rows that validate.

    The labelled rows are split at random, classes in their shares; rows without a label train.
    Where a row stands several times (bootstrap), all of them are on one side, and rows that were
    made of one that validates (augment) are on none.

    Args:
        data: of which the training part is split; the holdout is not looked at.
        fraction: of the labelled rows, between 0 and 1.
        seed: the same seed gives the same split.

    Raises:
        DataError: too few rows.
    """
    part = data.train
    _, first, origin = np.unique(part.rows, return_index=True, return_inverse=True)
    stratify = data.classes is not None
    codes = part.codes[first] if stratify else np.zeros(len(first), np.int64)
    try:
        split = split_rows(
            codes, part.labelled[first], test_size=float(fraction), stratify=stratify, seed=seed
        )
    except TflossError as error:
        raise DataError(
            f"The {int(part.labelled.sum())} labelled training rows of '{data.name}' are too few "
            f"for validation_fraction={fraction:g}: {error} Leave early stopping out, or take "
            f"another fraction."
        ) from error
    aside = np.isin(origin, split.holdout)
    return np.flatnonzero(~aside), np.flatnonzero(aside & part.labelled)
