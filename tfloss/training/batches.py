"""In which order the rows are seen."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np


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
        self._ahead: tuple[tuple[int, int], Future[np.ndarray]] | None = None
        self._thread: ThreadPoolExecutor | None = None

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.rows // self.batch_size)

    def epochs(self, first: int, count: int) -> np.ndarray:
        """The row numbers of `count` epochs, (count, rows) int32."""
        if not self.shuffle:
            return np.tile(np.arange(self.rows, dtype=np.int32), (count, 1))
        return np.stack([self._epoch(first + offset) for offset in range(count)])

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

    def _epoch(self, epoch: int) -> np.ndarray:
        generator = np.random.default_rng((self.seed, epoch))
        return generator.permutation(self.rows).astype(np.int32)
