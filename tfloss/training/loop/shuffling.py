"""Which rows each batch holds: shuffled, drawn with replacement, or in the order of the data."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from tfloss.training.options import Batches

# Rows that are drawn by one generator: making one takes longer than using it on few rows.
_ROWS_PER_GENERATOR = 2**16


def rows_per_epoch(rows: int, batch_size: int, batches: str) -> int:
    """How many rows an epoch goes over.

    Shuffled or in sequence every row counts once, so that the last batch may have fewer rows.
    Batches drawn with replacement are all full: as many as fit into the rows.
    """
    size = min(batch_size, rows)
    return rows // size * size if batches == "replacement" else rows


def steps_per_epoch(rows: int, batch_size: int, batches: str) -> int:
    """How many batches an epoch has."""
    return -(-rows_per_epoch(rows, batch_size, batches) // min(batch_size, rows))


class BatchOrder:
    """Which rows each batch of each epoch holds, the same for the same seed.

    Args:
        rows: how many there are.
        batch_size: rows per step; with more than there are, all of them.
        batches: 'shuffled', 'replacement' or 'sequential'; see `tfloss.training.options`.
        seed: epoch k has the same rows wherever a run starts.

    Attributes:
        rows_per_epoch: how many rows, repeated ones counted, an epoch goes over.
        changes: whether epochs differ.
    """

    def __init__(
        self, rows: int, batch_size: int, *, batches: Batches = "shuffled", seed: int = 0
    ) -> None:
        self.rows = rows
        self.batch_size = min(batch_size, rows)
        self.batches = batches
        self.seed = seed
        self.rows_per_epoch = rows_per_epoch(rows, batch_size, batches)
        # One batch of all rows is the same in any order.
        self.changes = batches == "replacement" or (
            batches == "shuffled" and self.batch_size < rows
        )
        self._epochs_per_block = max(1, _ROWS_PER_GENERATOR // rows)
        self._latest: tuple[int, np.ndarray] | None = None
        self._ahead: tuple[tuple[int, int], Future[np.ndarray]] | None = None
        self._thread: ThreadPoolExecutor | None = None

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.rows_per_epoch // self.batch_size)

    def epochs(self, first: int, count: int) -> np.ndarray:
        """The row numbers of `count` epochs, (count, rows_per_epoch) int32."""
        if not self.changes:
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
        if not self.changes:
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
        """(epochs per block, rows_per_epoch) int32; the same wherever a run starts."""
        latest = self._latest
        if latest is None or latest[0] != number:
            generator = np.random.default_rng((self.seed, number))
            self._latest = latest = number, self._drawn(generator)
        return latest[1]

    def _drawn(self, generator: np.random.Generator) -> np.ndarray:
        if self.batches == "replacement":
            shape = (self._epochs_per_block, self.rows_per_epoch)
            return generator.integers(self.rows, size=shape, dtype=np.int32)
        straight = np.tile(np.arange(self.rows, dtype=np.int32), (self._epochs_per_block, 1))
        return generator.permuted(straight, axis=1)
