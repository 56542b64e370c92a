"""Keras models in files, which are not trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfloss.errors import DataError, TflossError, first_line
from tfloss.io.archive_check import check_keras_file
from tfloss.lazy import keras


def load_network(path: str | Path) -> Any:
    """Load a `.keras` file that may come from anybody; nothing in it is run.

    The file is looked through first; then Keras loads it in its safe mode, without what it was
    compiled with.

    Args:
        path: of the file.

    Returns:
        the `keras.Model`, not compiled.

    Raises:
        UsageError: it brings code along, or is no `.keras` file.
        DataError: Keras cannot load it.

    Example:
        >>> model = tfloss.load_network("student.keras")
    """
    path = Path(path)
    check_keras_file(path, frozenset(keras.saving.get_custom_objects()))
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except TflossError:
        raise
    except Exception as error:  # whatever Keras, h5py and TensorFlow make of a damaged file
        reason = first_line(error)[:200]
        raise DataError(
            f"The model '{path}' cannot be loaded: {type(error).__name__}: {reason}"
        ) from error
