"""How much a file from elsewhere may unpack to."""

from __future__ import annotations

import gzip
import io
import math
import zipfile
from pathlib import Path
from typing import Any

from tfloss.errors import UsageError

# A file may unpack to so many bytes, or to so many times its own size, whichever is more.
MOST_BYTES = 1 << 30
MOST_TIMES = 100


def refuse_too_much(path: Path, unpacked: int, packed: int) -> None:
    """Refuse a small file that fills the memory.

    Args:
        path: of the file, for the sentence.
        unpacked: bytes, of all that it holds.
        packed: bytes, of the file.

    Raises:
        UsageError: with both.
    """
    if unpacked > max(MOST_BYTES, MOST_TIMES * packed):
        raise UsageError(
            f"'{path}' would unpack from {packed:,} to {unpacked:,} bytes or more, which no honest "
            f"file does; get it from a source that you trust, or unpack it yourself."
        )


def open_gzip(path: Path) -> Any:
    """A file of gzip, read as bytes; refused at the byte that is too many.

    Raises:
        UsageError: while it is read; see `refuse_too_much`.
    """
    return io.BufferedReader(_Counted(path), 1 << 16)


class _Counted(io.RawIOBase):
    """The content of a file of gzip, counted."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path, self._packed, self._unpacked = path, path.stat().st_size, 0
        self._content = gzip.GzipFile(path)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._content.readinto(buffer)
        self._unpacked += count
        refuse_too_much(self._path, self._unpacked, self._packed)
        return count

    def close(self) -> None:
        self._content.close()
        super().close()


def refuse_false_header(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Refuse an array that says it holds more than its member: numpy makes room for what it says.

    Raises:
        UsageError: with both numbers.
    """
    from numpy.lib import format as npy

    try:
        with archive.open(member) as file:
            first = npy.read_magic(file) == (1, 0)
            read = npy.read_array_header_1_0 if first else npy.read_array_header_2_0
            shape, _, dtype = read(file)
    except Exception:  # whoever reads it says what is wrong
        return
    says = math.prod(shape) * dtype.itemsize
    if says > member.file_size:
        raise UsageError(
            f"'{path}' has an array '{member.filename}' that is said to hold {says:,} bytes, and "
            f"has {member.file_size:,}; get it from a source that you trust."
        )


def size_of_datasets(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> int:
    """How many bytes the arrays of an HDF5 file say that they hold; 0 where it cannot be read."""
    import h5py

    found = [0]

    def add(_: str, thing: Any) -> None:
        if isinstance(thing, h5py.Dataset):
            found[0] += math.prod(thing.shape or ()) * thing.dtype.itemsize

    try:
        with h5py.File(io.BytesIO(archive.read(member))) as file:
            file.visititems(add)
    except Exception:  # Keras says what is wrong
        return 0
    return found[0]
