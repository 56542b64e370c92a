"""Predictions out of fold: for each row, by a model that was not fitted on it.

A teacher is overconfident about the rows that it was fitted on, and a student that learns from such
predictions learns the labels again. Source: Dao et al., Knowledge Distillation as Semiparametric
Inference, ICLR 2021 (cross-fitting).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfloss.errors import DataError
from tfloss.teachers.fitting.batched import Predictions

FOLDS = 5
# Below this, a fold's model is much worse than one fitted on all rows.
ROWS_FOR_CROSS = 50

Folds = list[tuple[np.ndarray, np.ndarray]]


def choose_fit(fit: str, rows: int, codes: np.ndarray | None) -> str:
    """'cross' or 'train' for 'auto': 'cross' from 50 rows on, with 5 of each class.

    Args:
        fit: see `Options`.
        rows: how many rows the teacher is fitted on.
        codes: (rows,) their classes; None for regression.
    """
    if fit != "auto":
        return fit
    rarest = rows if codes is None else int(np.min(np.unique(codes, return_counts=True)[1]))
    return "cross" if rows >= ROWS_FOR_CROSS and rarest >= FOLDS else "train"


def make_folds(rows: np.ndarray, codes: np.ndarray | None, seed: int, name: str) -> Folds:
    """Five folds, shuffled, stratified for classes; fewer where a class has fewer rows.

    A row that was drawn more than once stands in one fold with all its copies.

    Args:
        rows: (n,) which row of the data each is.
        codes: (n,) their classes; None for regression.
        seed: of the shuffling.
        name: the teacher's name, for messages.

    Raises:
        DataError: a class has one row only.
    """
    from sklearn import model_selection as sklearn

    place, unlike, first = np.zeros((len(rows), 1)), *np.unique(rows, return_index=True)
    again = len(unlike) < len(rows)
    groups = rows if again else None
    if codes is None:
        if len(unlike) < 2:
            raise DataError(f"The teacher '{name}' has {len(unlike)} rows, too few for fit=cross.")
        kind = sklearn.GroupKFold if again else sklearn.KFold
        folds = kind(min(FOLDS, len(unlike)), shuffle=True, random_state=seed)
        return list(folds.split(place, groups=groups))
    rarest = int(np.min(np.unique(codes[first], return_counts=True)[1]))
    if rarest < 2:
        raise DataError(
            f"The teacher '{name}' cannot answer out of fold, since a class has one training row "
            f"only; use fit=train, or train on more rows."
        )
    kind = sklearn.StratifiedGroupKFold if again else sklearn.StratifiedKFold
    folds = kind(min(FOLDS, rarest), shuffle=True, random_state=seed)
    return list(folds.split(place, codes, groups=groups))


def put_together(parts: Sequence[Predictions], folds: Folds) -> Predictions:
    """Each row's predictions by the model of the fold that left it out, one part per fold."""
    rows = sum(len(left_out) for _, left_out in folds)
    together: Predictions = {}
    for part, (_, left_out) in zip(parts, folds, strict=True):
        for key, values in part.items():
            if key not in together:
                together[key] = np.empty((rows, values.shape[1]), dtype=values.dtype)
            together[key][left_out] = values
    return together
