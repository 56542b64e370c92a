"""Which rows train, and which are held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfloss.errors import DataError, UsageError

TRAIN_FRACTION = 0.9


@dataclass(frozen=True, eq=False)
class Split:
    """Row numbers of a table.

    Attributes:
        train: (n_train,) int64.
        holdout: (n_holdout,) int64; can be empty.
    """

    train: np.ndarray
    holdout: np.ndarray


def split_rows(
    codes: np.ndarray,
    labelled: np.ndarray | None = None,
    *,
    train_fraction: float | None = None,
    train_size: int | None = None,
    test_size: float | int | None = None,
    stratify: bool = True,
    seed: int = 0,
) -> Split:
    """Split rows at random with scikit-learn's `train_test_split`, keeping every class in training.

    Sizes count labelled rows. Rows without a label go to training, on top of these, because a
    holdout row without a label tells nothing.

    Args:
        codes: (n,) class positions, or any numbers when `stratify` is False.
        labelled: (n,) bool; default: all rows.
        train_fraction: share of the labelled rows that train, above 0, at most 1; default: 0.9.
        train_size: their number instead.
        test_size: number (int) or share (float) of rows held out; all that do not train
            unless said.
        stratify: keep the shares of the classes, and at least one row of each in training.
        seed: the same seed gives the same split.

    Raises:
        UsageError: sizes that contradict each other or the number of rows.
        DataError: fewer training rows than classes.
    """
    labelled = np.ones(len(codes), dtype=bool) if labelled is None else labelled
    rows, unlabelled = np.flatnonzero(labelled), np.flatnonzero(~labelled)
    n_train, n_holdout = _sizes(len(rows), train_fraction, train_size, test_size)
    if stratify:
        _enough_rows(codes[rows], n_train)
    train, holdout = _sklearn_split(codes[rows], n_train, n_holdout, stratify, seed)
    if stratify:
        train, holdout = _every_class_trains(codes[rows], train, holdout, seed)
    return Split(np.concatenate([rows[train], unlabelled]), rows[holdout])


def _sizes(
    rows: int,
    train_fraction: float | None,
    train_size: int | None,
    test_size: float | int | None,
) -> tuple[int, int]:
    """The numbers of labelled rows that train and that are held out."""
    if train_fraction is not None and train_size is not None:
        raise UsageError("Give the training rows as a fraction or as a number, not as both.")
    if train_fraction is not None and not 0 < train_fraction <= 1:
        raise UsageError(f"The training fraction is {train_fraction}; it must lie in (0, 1].")
    n_holdout = _holdout_size(rows, test_size)
    if train_size is not None:
        n_train = train_size
    elif train_fraction is None and n_holdout is not None:
        n_train = rows - n_holdout
    else:
        # As in scikit-learn: the holdout gets the fraction that is rounded down.
        n_train = int((TRAIN_FRACTION if train_fraction is None else train_fraction) * rows + 1e-9)
    n_holdout = rows - n_train if n_holdout is None else n_holdout
    if n_train < 1 or n_holdout < 0 or n_train + n_holdout > rows:
        raise UsageError(
            f"Of {rows} labelled rows, {n_train} cannot train and {max(n_holdout, 0)} be held out."
        )
    return n_train, n_holdout


def _holdout_size(rows: int, test_size: float | int | None) -> int | None:
    if test_size is None:
        return None
    if isinstance(test_size, float) and 0 <= test_size < 1:
        return int(np.ceil(test_size * rows - 1e-9))
    if test_size >= 0 and float(test_size).is_integer():
        return int(test_size)
    raise UsageError(f"The test size is {test_size}; give a number of rows or a share below 1.")


def _enough_rows(codes: np.ndarray, n_train: int) -> None:
    classes = len(np.unique(codes))
    if n_train < classes:
        raise DataError(
            f"{n_train} training rows cannot hold {classes} classes; train on {classes} or more."
        )


def _sklearn_split(
    codes: np.ndarray, n_train: int, n_holdout: int, stratify: bool, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.model_selection import train_test_split

    everything = np.arange(len(codes))
    if n_holdout == 0:
        if n_train == len(codes):
            return everything, everything[:0]
        # scikit-learn knows no empty test set: hold the rest out, then forget it.
        train, _ = _sklearn_split(codes, n_train, len(codes) - n_train, stratify, seed)
        return train, everything[:0]
    counts = np.unique(codes, return_counts=True)[1]
    # scikit-learn refuses to stratify when a class could not be on both sides.
    can = stratify and np.min(counts) >= 2 and min(n_train, n_holdout) >= len(counts)
    train, holdout = train_test_split(
        everything,
        train_size=n_train,
        test_size=n_holdout,
        stratify=codes if can else None,
        random_state=seed,
    )
    return train, holdout


def _every_class_trains(
    codes: np.ndarray, train: np.ndarray, holdout: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Exchange rows until each class trains: a rare class can be rounded away."""
    random = np.random.default_rng(seed)
    train, holdout = train.copy(), holdout.copy()
    counts = np.bincount(codes[train], minlength=int(codes.max()) + 1)
    for code in np.setdiff1d(codes, codes[train]):
        largest = int(np.argmax(counts))
        place = random.choice(np.flatnonzero(codes[train] == largest))
        row = random.choice(np.flatnonzero(codes == code))
        leaves, train[place] = train[place], row
        holdout[holdout == row] = leaves
        counts[largest] -= 1
        counts[code] += 1
    return train, holdout
