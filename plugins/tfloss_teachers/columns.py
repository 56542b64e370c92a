"""A column of the data as a teacher: `column:NAME`, or one column per class, `column:a,b,c`."""

from __future__ import annotations

from typing import Any

import tfloss


def by_column(name: str) -> Any | None:
    """The declaration of `column:NAME,…`, or None."""
    head, colon, rest = name.partition(":")
    if head != "column" or not colon:
        return None
    names = tuple(part.strip() for part in rest.split(","))
    if not all(names):
        raise tfloss.UsageError(
            f"The teacher '{name}' names no column; write column:NAME, or column:NAME,NAME with "
            f"one column per class."
        )

    def make() -> Any:
        """Predictions that were computed elsewhere."""
        from tfloss.teachers import PredictionsColumn

        return PredictionsColumn(names)

    return tfloss.teacher(make, name="column")
