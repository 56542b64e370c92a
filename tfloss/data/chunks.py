"""How many rows are predicted at once."""

from __future__ import annotations

# Enough rows that what a call costs by itself is small (a forest pays 15 ms), few enough that what
# grows with rows times rows stays in memory (a Gaussian process of 4,000 rows: 260 MB)...
_MOST_ROWS = 8192
# ... and so few large rows, such as images, that the inputs of a call have 64 MB in float32.
_MOST_VALUES = 2**24


def rows_at_once(values_per_row: int = 1) -> int:
    """Rows per call of a model whose inputs have so many values each; at least 1."""
    return max(1, min(_MOST_ROWS, _MOST_VALUES // max(values_per_row, 1)))
