"""Ways to draw rows that many a script uses, and that a careful one avoids: to tell what they cost.

`bootstrap` is honest, and trains on fewer different rows. The leaks let the training, or the
figures about it, see what they should not: they flatter, and are reported wherever they are used.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from tfloss.data.split import Split
from tfloss.errors import UsageError, did_you_mean

LEAKS = {
    "overlap": "the holdout is drawn from all rows, those that train among them",
    "scaling": "features are scaled by all rows, those of the holdout among them",
}


def refuse_unknown_leaks(leaks: Collection[str]) -> None:
    """Raise UsageError for a leak that there is not."""
    for leak in leaks:
        if leak not in LEAKS:
            raise UsageError(
                f"There is no leak '{leak}'; it is one of {', '.join(LEAKS)}."
                f"{did_you_mean(leak, LEAKS)}"
            )


def leak_warning(leaks: Collection[str]) -> str:
    """What must be said of figures from such data; '' where nothing leaks."""
    if not leaks:
        return ""
    how = "; ".join(LEAKS[leak] for leak in LEAKS if leak in leaks)
    return f"The figures on the holdout are not honest: {how}."


def redrawn(
    split: Split,
    codes: np.ndarray,
    labelled: np.ndarray,
    *,
    bootstrap: bool,
    overlap: bool,
    stratify: bool = True,
    seed: int,
) -> Split:
    """A split of the same sizes.

    Args:
        split: an honest one; its rows without a label stay in training.
        codes: (n,) class positions, or zeros for regression.
        labelled: (n,) bool; only rows with a label are drawn.
        bootstrap: draw the training rows with replacement. The holdout is drawn from the rows that
            were never drawn.
        overlap: draw the holdout from all rows with a label, whether they train or not.
        stratify: as many training rows of each class as in `split`. Without it, `bootstrap` draws
            as many rows as there are, `np.random.RandomState(seed).randint(n, size=n)`; the first
            train, and with `overlap` the last are held out.
        seed: the same seed gives the same rows.
    """
    random = np.random.default_rng(seed)
    rows = np.flatnonzero(labelled)
    train, holdout = split.train, split.holdout
    if bootstrap and not stratify:
        drawn = rows[np.random.RandomState(seed).randint(len(rows), size=len(rows))]
        unlabelled = train[~labelled[train]]
        train = np.concatenate([drawn[: len(train) - len(unlabelled)], unlabelled])
        if overlap:
            return Split(train, drawn[len(drawn) - len(holdout) :])
        holdout = random.choice(np.setdiff1d(rows, train), size=len(holdout), replace=False)
    elif bootstrap:
        train = train.copy()
        for code in np.unique(codes[rows]):
            own = np.flatnonzero((codes[train] == code) & labelled[train])
            train[own] = random.choice(rows[codes[rows] == code], size=len(own))
        holdout = random.choice(np.setdiff1d(rows, train), size=len(holdout), replace=False)
    if overlap:
        holdout = random.choice(rows, size=len(holdout), replace=False)
    return Split(train, holdout)
