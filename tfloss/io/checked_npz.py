"""Arrays and metadata in one NPZ file that stores its own checksum.

The file is NPZ without pickles: reading it can run no code, and numpy alone can open it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfloss.errors import DataError
from tfloss.io.archive_check import check_archive
from tfloss.io.atomic import write_whole

_ABOUT, _DIGEST, _DTYPES = ":about", ":sha256", ":dtypes"


def write_checked(path: Path, arrays: Mapping[str, np.ndarray], about: Any) -> None:
    """Write atomically: the whole file or nothing.

    Args:
        path: ends in '.npz'.
        arrays: by name; of numbers, text or bool, bfloat16 and float8 too.
        about: metadata; anything that JSON can hold.

    Raises:
        OSError: there is no room, or no right to write.
    """
    plain: dict[str, Any] = {}
    dtypes: dict[str, str] = {}
    for name, values in arrays.items():
        values = np.asarray(values)
        assert not values.dtype.hasobject, name  # would be pickled
        if values.dtype.kind == "V":  # numpy's own files do not know the small floats of ml_dtypes
            dtypes[name] = values.dtype.name
            values = values.view(f"u{values.dtype.itemsize}")
        plain[name] = values
    plain[_ABOUT] = np.array(json.dumps(about, default=lambda number: number.item()))
    plain[_DTYPES] = np.array(json.dumps(dtypes))
    plain[_DIGEST] = np.array(_digest(plain))
    write_whole(path, lambda temporary: np.savez(temporary, **plain))


def read_checked(path: Path) -> tuple[dict[str, np.ndarray], Any]:
    """The arrays, and what is said about them.

    Raises:
        DataError: it is not there, or is not what was written.
    """
    try:
        check_archive(path)
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        whole = str(arrays.pop(_DIGEST)) == _digest(arrays)
        about = json.loads(str(arrays.pop(_ABOUT))) if whole else None
        for name, dtype in json.loads(str(arrays.pop(_DTYPES))).items() if whole else ():
            arrays[name] = arrays[name].view(_small_float(dtype))
    except Exception as error:  # a damaged archive can fail in any way
        reason = (str(error) or type(error).__name__).partition("\n")[0].rstrip(".")
        raise DataError(f"'{path}' cannot be read: {reason}.") from error
    if not whole:
        raise DataError(f"'{path}' is not what was written: its SHA-256 differs.")
    return arrays, about


def digest_of(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of names, types, shapes and values; the order of the names does not count."""
    return _digest({name: np.asarray(values) for name, values in arrays.items()})


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        values = np.ascontiguousarray(arrays[name])
        digest.update(f"{name}\0{values.dtype}\0{arrays[name].shape}\0".encode())
        digest.update(values.reshape(-1).view(np.uint8).data)  # without a copy
    return digest.hexdigest()


_SMALL = re.compile("bfloat16|float8_[a-z0-9]+|float6_[a-z0-9]+|float4_[a-z0-9]+")


def _small_float(name: str) -> np.dtype[Any]:
    """The type of this name; a file can name nothing else."""
    import ml_dtypes

    if not _SMALL.fullmatch(name):
        raise ValueError(f"there is no small float '{name}'")
    return np.dtype(getattr(ml_dtypes, name))
