"""What the losses of self supervised share."""

from __future__ import annotations

from typing import Any

from tfloss.ops import (
    unit_length,
    weighted_rows,
)


def views(first: Any, second: Any, sample_weight: Any) -> tuple[list[Any], Any]:
    """Both as rows of length one, and the weights."""
    rows, weight = weighted_rows(sample_weight, first=first, second=second)
    return [unit_length(view) for view in rows], weight
