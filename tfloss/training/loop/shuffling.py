"""In which order the rows are seen."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

# Rows that are shuffled by one generator: making one takes longer than using it on few rows.
_ROWS_PER_GENERATOR = 2**16


class BatchOrder:
    """A new order of the rows for every epoch, the same for the same seed.

    Args:
        rows: how many there are.
        batch_size: rows per step; the last step of an epoch may have fewer.
        shuffle: whether the order changes.
        seed: of the order; epoch k has the same order wherever a run starts.
    """

    def __init__(self, rows: int, batch_size: int, *, shuffle: bool = True, seed: int = 0) -> None:
        self.rows = rows
        self.batch_size = min(batch_size, rows)
        self.shuffle = shuffle and self.batch_size < rows
        self.seed = seed
        self._epochs_per_block = max(1, _ROWS_PER_GENERATOR // rows)
        self._latest: tuple[int, np.ndarray] | None = None
        self._ahead: tuple[tuple[int, int], Future[np.ndarray]] | None = None
        self._thread: ThreadPoolExecutor | None = None

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.rows // self.batch_size)

    def epochs(self, first: int, count: int) -> np.ndarray:
        """The row numbers of `count` epochs, (count, rows) int32."""
        if not self.shuffle:
            return np.tile(np.arange(self.rows, dtype=np.int32), (count, 1))
        size = self._epochs_per_block
        numbers = range(first // size, (first + max(count, 1) - 1) // size + 1)
        start = first - numbers[0] * size
        return np.concatenate([self._block(n) for n in numbers])[start : start + count]

    def epochs_in_turn(self, first: int, count: int) -> np.ndarray:
        """The same, for calls that follow one another: the next answer is made meanwhile.

        Small networks train so fast that shuffling their rows in between would take a fifth of the
        time.
        """
        if not self.shuffle:
            return self.epochs(first, count)
        wanted, ahead = (first, count), self._ahead
        rows = ahead[1].result() if ahead and ahead[0] == wanted else self.epochs(*wanted)
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "tfloss-order")
        else:  # from the second call on, so that a training of one chunk makes nothing in vain
            following = (first + count, count)
            self._ahead = following, self._thread.submit(self.epochs, *following)
        return rows

    def _block(self, number: int) -> np.ndarray:
        """(epochs per block, rows) int32; the same wherever a run starts."""
        latest = self._latest
        if latest is None or latest[0] != number:
            generator = np.random.default_rng((self.seed, number))
            straight = np.tile(np.arange(self.rows, dtype=np.int32), (self._epochs_per_block, 1))
            self._latest = latest = number, generator.permuted(straight, axis=1)
        return latest[1]
