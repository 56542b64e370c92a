"""What a train step reads: some rows by column, as tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tfloss.data import Columns
from tfloss.lazy import tf
from tfloss.training.program.shared_memory import tensor_of

SAMPLE_WEIGHT = "sample_weight"  # what a data set calls its column of weights


class Batch(NamedTuple):
    """Rows by column; a structure that `tf.nest` knows, so that compiled programs take it whole.

    Attributes:
        tensors: by name, (rows, …); always `inputs`.
        present: by name, (rows,) float32, 0 where the value is missing; only for columns in which
            something is missing.
        weight: (rows,) float32 sample weights, or None.
    """

    tensors: dict[str, Any]
    present: dict[str, Any]
    weight: Any = None

    def map(self, function: Callable[[Any], Any]) -> Batch:
        """Apply a function to every tensor."""
        return self.with_leaves([function(leaf) for leaf in self.leaves()])

    def leaves(self) -> list[Any]:
        """Every tensor, in a fixed order."""
        weight = [] if self.weight is None else [self.weight]
        return [*self.tensors.values(), *self.present.values(), *weight]

    def with_leaves(self, leaves: Sequence[Any]) -> Batch:
        """The same columns with other tensors, in the order of `leaves`."""
        own = len(self.tensors)
        end = own + len(self.present)
        return Batch(
            dict(zip(self.tensors, leaves[:own], strict=True)),
            dict(zip(self.present, leaves[own:end], strict=True)),
            None if self.weight is None else leaves[end],
        )

    def rows(self, start: int, end: int) -> Batch:
        """The rows from `start` up to `end`."""
        return self.with_leaves([leaf[start:end] for leaf in self.leaves()])

    def specs(self, rows: int | None = None) -> Batch:
        """The same columns as `tf.TensorSpec`s, of so many rows; default: as many as there are."""
        return self.map(
            lambda leaf: tf.TensorSpec(
                leaf.shape if rows is None else (rows, *leaf.shape[1:]), leaf.dtype
            )
        )

    def named(self) -> dict[str, Any]:
        """Every tensor by a name of its own: for messages and digests."""
        present = {f"present:{name}": mask for name, mask in self.present.items()}
        weight = {} if self.weight is None else {SAMPLE_WEIGHT: self.weight}
        return {**self.tensors, **present, **weight}

    @property
    def bytes_per_row(self) -> int:
        """The size of one row, all columns together."""
        return sum(leaf.dtype.size * int(np.prod(leaf.shape[1:])) for leaf in self.leaves())


def as_tensors(columns: Columns, needs: frozenset[str]) -> Batch:
    """The columns that an objective needs, and the inputs, as tensors.

    Args:
        columns: all rows of one split.
        needs: names of tensors; those that the data do not have come from elsewhere.
    """
    names = ["inputs", *sorted((needs & set(columns.values)) - {"inputs"})]
    weight = columns.weight
    return Batch(
        {name: tensor_of(columns.values[name], own=True) for name in names},
        {
            name: tf.constant(columns.present[name], tf.float32)
            for name in sorted(needs & set(columns.present))
        },
        None if weight is None else tf.constant(weight, tf.float32),
    )
