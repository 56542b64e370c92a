"""Rows that a run keeps, so that its figures can be computed again without its data.

The held-out rows as the student saw them, rows to compare an exported student on, and a hash of
every row that trained.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np

from tfloss.data import Columns, PreparedData
from tfloss.io.atomic import sha256, write_whole
from tfloss.io.checked_npz import digest_of

MOST_BYTES = 64_000_000  # of held-out inputs; a larger holdout is read from its data again
SAMPLE = 256  # rows to compare an exported student on


@dataclass(frozen=True, eq=False)
class KeptRows:
    """What a run keeps of its rows.

    Attributes:
        holdout: the held-out rows, scaled; None where they were too many.
        sample: (n, d) float32, the first rows of the holdout, then of those that trained; scaled.
        trained: (n,) uint64, sorted: a hash of every row that trained.
    """

    holdout: Columns | None
    sample: np.ndarray
    trained: np.ndarray

    def how_many_trained(self, inputs: np.ndarray) -> int:
        """How many of these scaled rows, (n, d), are equal to a row that trained."""
        return int(np.isin(row_hashes(inputs), self.trained).sum())


def write_rows(path: Path, data: PreparedData) -> None:
    """Write what a run keeps of these data.

    Raises:
        OSError: the file cannot be written.
    """
    holdout = data.holdout
    arrays = {
        "sample": np.concatenate([holdout.inputs[:SAMPLE], data.train.inputs[:SAMPLE]])[:SAMPLE],
        "trained": np.unique(row_hashes(data.train.inputs)),
    }
    if holdout.inputs.nbytes <= MOST_BYTES:
        arrays |= {"inputs": holdout.inputs, "labels": holdout.labels, "codes": holdout.codes}
        arrays |= {"rows": holdout.rows, "labelled": holdout.labelled}
        if holdout.sample_weight is not None:
            arrays["weight"] = holdout.sample_weight
    write_whole(path, lambda temporary: np.savez_compressed(temporary, **arrays))  # type: ignore[arg-type]


def read_rows(path: Path) -> KeptRows:
    """What `write_rows` wrote."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = dict(archive)
    holdout = None
    if "inputs" in arrays:
        present = {} if arrays["labelled"].all() else {"labels": arrays["labelled"]}
        values = {name: arrays[name] for name in ("inputs", "labels")}
        holdout = Columns(values, arrays["rows"], arrays["codes"], present, arrays.get("weight"))
    return KeptRows(holdout, arrays["sample"], arrays["trained"])


def row_hashes(inputs: np.ndarray) -> np.ndarray:
    """(n,) uint64: equal for equal rows of float32, -0.0 and 0.0 among them."""
    rows = np.ascontiguousarray(inputs, np.float32).reshape(len(inputs), -1) + np.float32(0)
    digests = (blake2b(row.tobytes(), digest_size=8).digest() for row in rows)
    return np.frombuffer(b"".join(digests), dtype=np.uint64)


def holdout_digest(part: Columns) -> str:
    """By which a holdout is known again."""
    return digest_of({"inputs": part.inputs, "labels": part.labels})


def file_digest(data: str) -> str | None:
    """The SHA-256 of the file that holds the data; None for a registered data set."""
    path = Path(data)
    return sha256(path) if path.is_file() else None
