"""Rows that a run keeps, so that its figures can be computed again without its data.

The held-out rows as the student saw them, rows to compare an exported student on, and a hash of
every row that trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from tfloss.data import Columns, PreparedData
from tfloss.data.blocks import row_blocks
from tfloss.io.atomic import sha256, write_whole
from tfloss.io.checked_npz import digest_of

MOST_BYTES = 64_000_000  # of held-out inputs; a larger holdout is read from its data again
_LEVELS = "levels of "  # before a category's name
SAMPLE = 256  # rows to compare an exported student on


@dataclass(frozen=True, eq=False)
class KeptRows:
    """What a run keeps of its rows.

    Attributes:
        holdout: the held-out rows, scaled; None where they were too many.
        inputs: (n, m) float32, the first rows of the holdout, then of those that trained, encoded
            and scaled.
        features: (n, d) float64, the same rows as they stand in the data; None where they are not
            known.
        levels: by category, the texts that its positions in `features` stand for.
        trained: (n,) uint64, sorted: a hash of every row that trained.
    """

    holdout: Columns | None
    inputs: np.ndarray
    features: np.ndarray | None
    levels: Mapping[str, tuple[str, ...]]
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
    features, levels = sample_of(data)
    arrays = {f"{_LEVELS}{name}": np.array(texts, str) for name, texts in levels.items()}
    if features is not None:
        arrays["features"] = features
    first = [holdout.inputs[:SAMPLE], data.train.inputs[:SAMPLE]]
    arrays |= {
        "sample": np.concatenate(first)[:SAMPLE],
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
    levels = {
        name.removeprefix(_LEVELS): tuple(texts.tolist())
        for name, texts in arrays.items()
        if name.startswith(_LEVELS)
    }
    return KeptRows(holdout, arrays["sample"], arrays.get("features"), levels, arrays["trained"])


def sample_of(data: PreparedData) -> tuple[np.ndarray | None, dict[str, tuple[str, ...]]]:
    """Rows of the holdout, then rows that trained, as they stand in the data; and their texts.

    Returns:
        (n, d) float64 with positions for categories, or None where they are not known; and by
        category what its positions stand for.
    """
    parts = [data.holdout.features, data.train.features]
    if data.source is None or any(part is None for part in parts):
        return None, {}
    places = [data.source.names.index(name) for name in data.source_names]
    first: Any = [part[:SAMPLE] for part in parts]  # type: ignore[index]
    return np.concatenate(first)[:SAMPLE][:, places], dict(data.source.levels)


def row_hashes(inputs: np.ndarray) -> np.ndarray:
    """(n,) uint64: equal for equal rows of float32, -0.0 and 0.0 among them."""
    width = int(np.prod(inputs.shape[1:]))
    rows = np.ascontiguousarray(inputs, np.float32).reshape(len(inputs), width)
    digests = bytearray()
    for block in row_blocks(*rows.shape):
        for row in rows[block] + np.float32(0):
            digests += blake2b(row, digest_size=8).digest()
    return np.frombuffer(digests, dtype=np.uint64)


def holdout_digest(part: Columns) -> str:
    """By which a holdout is known again."""
    return digest_of({"inputs": part.inputs, "labels": part.labels})


def file_digest(data: str) -> str | None:
    """The SHA-256 of the file that holds the data; None for a registered data set."""
    path = Path(data)
    return sha256(path) if path.is_file() else None
