"""What the compiled loop reads: the columns of one split, as tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfloss.errors import DataError, listed
from tfloss.lazy import tf

WEIGHT = ":weight"  # what packed columns call the sample weights


@dataclass(frozen=True)
class Columns:
    """The rows of one split, by name.

    Attributes:
        values: by name, (n, …) float32 (integers stay integers); always `inputs`.
        present: by name, (n,) bool, for columns in which rows are missing.
        sample_weight: (n,) float32, or None.
    """

    values: Mapping[str, np.ndarray]
    present: Mapping[str, np.ndarray] = field(default_factory=dict)
    sample_weight: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.values["inputs"])

    def __post_init__(self) -> None:
        for name, column in {**self.values, **self.present}.items():
            if len(column) != len(self.values["inputs"]):
                raise DataError(
                    f"The column '{name}' has {len(column)} rows, but the inputs have "
                    f"{len(self.values['inputs'])}."
                )

    def having(self, **more: np.ndarray) -> Columns:
        """The same rows with more columns."""
        return Columns({**self.values, **more}, self.present, self.sample_weight)

    def packed(self, names: frozenset[str]) -> dict[str, Any]:
        """The columns that an objective needs, and the inputs, as one flat dictionary of tensors.

        Masks are called `present:NAME`, weights `WEIGHT`, so that a batch is one gather each.
        """
        wanted = ["inputs", *sorted((names & set(self.values)) - {"inputs"})]
        packed = {name: tf.constant(self.values[name]) for name in wanted}
        for name in sorted(names & set(self.present)):
            packed[f"present:{name}"] = tf.constant(self.present[name], tf.float32)
        if self.sample_weight is not None:
            packed[WEIGHT] = tf.constant(self.sample_weight, tf.float32)
        return packed


def unpacked(packed: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any], Any]:
    """A batch of packed columns as (tensors, present, sample_weight)."""
    present = {
        name.partition(":")[2]: value
        for name, value in packed.items()
        if name.startswith("present:")
    }
    tensors = {name: value for name, value in packed.items() if ":" not in name}
    return tensors, present, packed.get(WEIGHT)


def require(columns: Columns, names: frozenset[str], known: frozenset[str]) -> None:
    """Refuse a formula that needs a tensor which neither the data nor the student supply."""
    for name in sorted(names - known - set(columns.values)):
        raise DataError(f"There is no column '{name}'; there are: {listed(columns.values)}.")
