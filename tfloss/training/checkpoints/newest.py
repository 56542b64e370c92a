"""The newest checkpoint of a folder that can be read."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfloss.errors import DataError
from tfloss.io.checked_npz import read_checked


def read_newest(files: Sequence[Path], folder: Path) -> tuple[dict[str, np.ndarray], Any] | None:
    """The arrays and metadata of the last file that is what was written; None without files.

    Args:
        files: checkpoints of one training, from the oldest to the newest.
        folder: where they lie, for the message.

    Warns:
        UserWarning: a damaged file is passed over.

    Raises:
        DataError: every file is damaged.
    """
    for path in reversed(files):
        try:
            return read_checked(path)
        except DataError as error:
            warnings.warn(f"{error} The checkpoint before it is taken.", stacklevel=3)
    if files:
        raise DataError(f"No checkpoint in '{folder}' can be read; remove them to begin again.")
    return None
