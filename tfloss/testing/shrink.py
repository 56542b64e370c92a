"""The smallest inputs that still fail."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tfloss.testing.inputs import Inputs, row_count, take

Fails = Callable[[Inputs], bool]

_MOST_CALLS = 200


def smallest(inputs: Inputs, fails: Fails, fewest_rows: int = 1) -> Inputs:
    """Leave out rows, then columns, as long as `fails` stays true.

    A smaller input that the loss refuses (it raises) counts as one that does not fail.
    """
    budget = [_MOST_CALLS]

    def still(candidate: Inputs) -> bool:
        if budget[0] <= 0:
            return False
        budget[0] -= 1
        try:
            return fails(candidate)
        except Exception:
            return False

    return _fewer_columns(_fewer_rows(inputs, still, fewest_rows), still)


def _fewer_rows(inputs: Inputs, still: Fails, fewest: int) -> Inputs:
    rows = list(range(row_count(inputs)))
    for row in rows if fewest == 1 else ():
        if still(take(inputs, [row])):
            return take(inputs, [row])
    for row in list(rows):
        if len(rows) > fewest:
            fewer = [r for r in rows if r != row]
            if still(take(inputs, fewer)):
                rows = fewer
    return take(inputs, rows)


def _fewer_columns(inputs: Inputs, still: Fails) -> Inputs:
    """Leave out the same column of all tensors that have equally many."""
    widths = {v.shape[-1] for v in inputs.values() if not isinstance(v, list) and v.ndim > 1}
    if len(widths) != 1:
        return inputs
    for column in reversed(range(widths.pop())):
        fewer = {
            n: np.delete(v, column, axis=-1) if not isinstance(v, list) and v.ndim > 1 else v
            for n, v in inputs.items()
        }
        narrow = any(
            v.shape[-1] < 2 for v in fewer.values() if not isinstance(v, list) and v.ndim > 1
        )
        if not narrow and still(fewer):
            inputs = fewer
    return inputs
