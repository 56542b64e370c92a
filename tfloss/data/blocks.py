"""Large matrices a block at a time, so that a million rows need little more memory than they have.

Scaling, checking and hashing a matrix at once makes copies of it in float64, several at a time.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tfloss.errors import DataError

BLOCK_BYTES = 2**26  # of float64 that are looked at, or computed, at once
ALIGNED = 64  # bytes; memory that begins at a multiple of them TensorFlow takes as it is
_FEWEST = 16  # columns of float32 that are read from memory together
_COPIED = 2**22  # bytes of a matrix whose rows are copied at once
_LOOKED_AT = 512  # rows by which a change of a matrix is noticed


def row_blocks(rows: int, columns: int) -> Iterator[slice]:
    """Slices of rows that have `BLOCK_BYTES` in float64; at least one, empty without rows."""
    size = max(1, BLOCK_BYTES // (8 * max(columns, 1)))
    for start in range(0, max(rows, 1), size):
        yield slice(start, min(start + size, rows))


def column_blocks(rows: int, columns: int) -> list[slice]:
    """Slices of columns that have `2 * BLOCK_BYTES` in float64, of 16 columns at least.

    None has a single column where there are several: numpy adds up the rows of a single column in
    another order, and the last digit of a mean must not depend on the size of a block.
    """
    size = max(_FEWEST, 2 * BLOCK_BYTES // (8 * max(rows, 1)))
    starts = list(range(0, max(columns, 1), size))
    if len(starts) > 1 and columns - starts[-1] == 1:
        starts.pop()
    return [slice(start, end) for start, end in zip(starts, [*starts[1:], columns], strict=True)]


def any_value(matrix: np.ndarray, test: Callable[[np.ndarray], np.ndarray]) -> bool:
    """Whether a test, such as `np.isnan`, holds of any value."""
    return any(test(matrix[block]).any() for block in row_blocks(*matrix.shape))


def aligned(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array of which `tfloss.training.program.shared_memory` makes no copy; not filled."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    buffer = np.empty(size + ALIGNED, np.uint8)
    start = -buffer.ctypes.data % ALIGNED
    return buffer[start : start + size].view(dtype).reshape(shape)


class TakenRows:
    """Some rows of a matrix, in float64, copied when they are asked for and not before.

    `taken[rows]`, `taken[rows, columns]` and `np.asarray(taken)` are arrays.

    Args:
        matrix: (m, d), not to be changed from now on.
        rows: (n,) which of its rows.
    """

    def __init__(self, matrix: np.ndarray, rows: np.ndarray) -> None:
        self._matrix, self._rows = matrix, rows
        self.shape, self.ndim = (len(rows), *matrix.shape[1:]), matrix.ndim
        self.dtype = np.dtype(np.float64)
        self._looks = self._seen()

    def __len__(self) -> int:
        return len(self._rows)

    def at(self, positions: np.ndarray) -> TakenRows:
        """The rows at these positions, still not copied."""
        found = TakenRows(self._matrix, self._rows[positions])
        found._looks = self._looks
        return found

    def __getitem__(self, key: Any) -> np.ndarray:
        rows, *columns = key if isinstance(key, tuple) else (key,)
        if self._seen() != self._looks:
            raise DataError(
                "The features were changed in place after the data were loaded, and what reads "
                "them now would see other rows than the student; load the data again, or change a "
                "copy."
            )
        matrix = self._matrix if not columns else self._matrix[:, columns[0]]
        return np.asarray(matrix[self._rows[rows]], np.float64)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        del copy  # always one
        return np.asarray(self[:], dtype)

    def _seen(self) -> int:
        """A checksum of some rows: what changes a matrix in place changes all of them."""
        step = max(1, len(self._matrix) // _LOOKED_AT)
        return zlib.crc32(np.ascontiguousarray(self._matrix[::step]).tobytes())


def taken(matrix: np.ndarray, rows: np.ndarray) -> Any:
    """These rows of a matrix: a copy, or, of a large matrix, `TakenRows`."""
    if matrix.nbytes > _COPIED:
        return TakenRows(matrix, rows)
    return np.asarray(matrix[rows], np.float64)
