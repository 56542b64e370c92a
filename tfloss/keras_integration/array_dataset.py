"""The arrays of a `fit`, flat, as the compiled loop reads them; and Keras' order of the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfloss.errors import DataError
from tfloss.io.checked_npz import digest_of
from tfloss.lazy import keras, tf
from tfloss.training.program.batch import Batch
from tfloss.training.program.shared_memory import tensor_of


class Rows:
    """Inputs, labels and weights, in whatever structure they came.

    Args:
        x, y: arrays, or lists or dictionaries of them; y may be None.
        weight: (n,) or (n, steps), or None.

    Raises:
        DataError: arrays of different lengths.
    """

    def __init__(self, x: Any, y: Any = None, weight: Any = None) -> None:
        self._structure = (x, y, weight)
        self._flat = [_as_keras_takes_it(part) for part in keras.tree.flatten(self._structure)]
        counts = {len(part) for part in self._flat if part is not None}
        if len(counts) != 1:
            raise DataError(
                f"Inputs, labels and weights have different numbers of rows: {sorted(counts)}."
            )
        (self._rows,) = counts
        if not self._rows:
            raise DataError(
                "There are no rows: the arrays, or their share for validation, are empty."
            )

    def __len__(self) -> int:
        return self._rows

    @property
    def arrays(self) -> tuple[Any, Any, Any]:
        """x, y and weight as they came, in Keras' precision."""
        x, y, weight = keras.tree.pack_sequence_as(self._structure, self._flat)
        return x, y, weight

    def slice(self, start: int, end: int) -> Rows:
        """The rows from `start` up to `end`."""
        parts = [None if part is None else part[start:end] for part in self._flat]
        return Rows(*keras.tree.pack_sequence_as(self._structure, parts))

    def one(self) -> Rows:
        """The first row, a copy, which has the structure of all and does not keep them alive."""
        parts = [None if part is None else np.array(part[:1]) for part in self._flat]
        return Rows(*keras.tree.pack_sequence_as(self._structure, parts))

    @property
    def structure(self) -> str:
        """What is nested in what, the same text for the same."""
        return repr(keras.tree.map_structure(lambda _: 0, self._structure))

    def fingerprint(self) -> dict[str, Any]:
        """The number of rows, and a digest of all values."""
        arrays = {self._key(i): part for i, part in enumerate(self._flat) if part is not None}
        return {"rows": len(self), "sha256": digest_of(arrays)}

    def as_tensors(self) -> Batch:
        """All arrays, since metrics see what the formula does not; `inputs` is the first."""
        flat = enumerate(self._flat)
        return Batch({self._key(i): tensor_of(p) for i, p in flat if p is not None}, {})

    def unpacked(self, batch: Batch) -> tuple[Any, Any, Any]:
        """A batch as (x, y, weight)."""
        parts = [batch.tensors.get(self._key(i)) for i in range(len(self._flat))]
        x, y, weight = keras.tree.pack_sequence_as(self._structure, parts)
        return x, y, weight

    @staticmethod
    def _key(number: int) -> str:
        return f"part{number}" if number else "inputs"


def _as_keras_takes_it(part: Any) -> Any:
    """As a numpy array; fractions in Keras' own precision."""
    if part is None:
        return None
    array = np.asarray(part)
    return array.astype(keras.config.floatx(), copy=False) if array.dtype.kind == "f" else array


class KerasOrder:
    """The order in which `fit` of Keras sees the rows of arrays.

    With a seed (`keras.utils.set_random_seed`) Keras shuffles every epoch alike: the shuffling is
    set up again for each. Without one every epoch has an order of its own.

    Args:
        rows: how many there are.
        batch_size: rows per step.
        shuffle: as in Keras.
        agreed: makes of an order the one of the first worker; default: there are no others.
    """

    def __init__(
        self,
        rows: int,
        batch_size: int,
        *,
        shuffle: bool,
        agreed: Callable[[np.ndarray], np.ndarray] = lambda order: order,
    ) -> None:
        self._agreed = agreed
        self.rows = rows
        self.batch_size = min(batch_size, rows)
        self._shuffle = shuffle
        self._dataset = tf.data.Dataset.range(1).map(
            lambda _: tf.random.shuffle(tf.range(rows, dtype=tf.int64))
        )
        self._first: np.ndarray | None = None
        self._repeats: bool | None = None
        self._generator = np.random.default_rng()

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.rows // self.batch_size)

    def epochs(self, first: int, count: int) -> np.ndarray:
        """The row numbers of the next `count` epochs, (count, rows) int32."""
        del first  # Keras draws them one after the other
        straight = np.arange(self.rows, dtype=np.int32)
        if not self._shuffle:
            return np.tile(straight, (count, 1))
        drawn: list[np.ndarray] = []
        while len(drawn) < count and (self._repeats is None or self._repeats):
            drawn.append(self._next())
        if len(drawn) < count:  # any order will do, and a new pipeline for each epoch takes 5 ms
            others = np.tile(straight, (count - len(drawn), 1))
            drawn.extend(self._generator.permuted(others, axis=1))
        return self._agreed(np.stack(drawn))

    def epochs_in_turn(self, first: int, count: int) -> np.ndarray:
        """The same."""
        return self.epochs(first, count)

    def state(self) -> dict[str, np.ndarray]:
        """What has been drawn, for a checkpoint."""
        if self._first is None:
            return {}
        known = {} if self._repeats is None else {"repeats": np.array(self._repeats)}
        return {"first": self._first, **known}

    def load(self, state: Mapping[str, np.ndarray]) -> None:
        """Take over what `state` gave."""
        self._first = state.get("first")
        self._repeats = bool(state["repeats"]) if "repeats" in state else None

    def _next(self) -> np.ndarray:
        if self._first is not None and self._repeats:
            return self._first
        order: np.ndarray = next(iter(self._dataset)).numpy().astype(np.int32)
        if self._first is None:
            self._first = order
        elif self._repeats is None:
            alike = bool((order == self._first).all())
            if not alike or self.rows > 20:  # fewer could be alike by chance
                self._repeats = alike
        return order
