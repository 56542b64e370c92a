"""A fitted estimator in a file of skops, with fingerprints of the rows that it was fitted on."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tfloss.data import FeatureSource, Table
from tfloss.data.frames import is_frame
from tfloss.errors import UsageError
from tfloss.io.atomic import write_whole
from tfloss.teachers.fingerprints import Fingerprints, comparable_rows
from tfloss.teachers.prefitted import is_fitted

_MEMBER = "tfloss-rows.npz"  # next to what skops writes into its archive, which it passes over


def save_teacher(estimator: Any, path: str | Path, rows: Any) -> Path:
    """Save a fitted estimator so that it can teach elsewhere, but not on rows that it has seen.

    The file is one of skops, whole or not at all; any program that reads skops files reads it. It
    holds a hash of every row besides, by which `tfloss` refuses the teacher where such a row is
    held out.

    Args:
        estimator: fitted, of scikit-learn's kind.
        path: ends in .skops.
        rows: (n, d), all that it was fitted on, as they stand in the data: not scaled; or a data
            frame.

    Returns:
        The path.

    Raises:
        UsageError: another ending, rows of another width, an estimator that is not fitted, or skops
            is not installed.
    """
    path = Path(path)
    rows = _as_numbers(rows) if is_frame(rows) else np.asarray(rows)
    try:
        import skops.io
    except ImportError as error:
        raise UsageError(
            f"Saving '{path}' needs skops; install it with: pip install 'tfloss[skops]'."
        ) from error
    if path.suffix.lower() != ".skops":
        raise UsageError(f"A teacher is saved as a file of skops; call '{path}' something.skops.")
    if not is_fitted(estimator):
        raise UsageError(f"The {type(estimator).__name__} to be saved is not fitted; fit it first.")
    width = getattr(estimator, "n_features_in_", rows.shape[-1])
    if rows.ndim != 2 or not len(rows) or rows.shape[1] != width:
        raise UsageError(
            f"The rows that '{path}' was fitted on must be (n, {width}) with n > 0, but have the "
            f"shape {rows.shape}."
        )
    content, member = io.BytesIO(skops.io.dumps(estimator)), io.BytesIO()
    hashes: dict[str, Any] = {**Fingerprints.of(rows).to_arrays()}
    np.savez_compressed(member, **hashes)
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr(_MEMBER, member.getvalue())
    write_whole(path, lambda temporary: temporary.write_bytes(content.getvalue()))
    return path


def _as_numbers(frame: Any) -> np.ndarray:
    table = Table(frame, None, name="the rows")
    return comparable_rows(table.features, FeatureSource.of(table))


def rows_of(path: str | Path) -> Fingerprints | None:
    """The fingerprints in a file of `save_teacher`; None in any other file of skops."""
    with zipfile.ZipFile(path) as archive:
        if _MEMBER not in archive.namelist():
            return None
        with np.load(io.BytesIO(archive.read(_MEMBER)), allow_pickle=False) as arrays:
            return Fingerprints.from_arrays(arrays)
