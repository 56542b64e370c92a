"""Files that are there whole or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from tfloss.errors import UsageError


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then put it in place in one step.

    A crash at any moment leaves the old file or the new one, never half of one.

    Args:
        path: where the file belongs.
        write: gets the temporary path, which has the same ending.
    """
    handle, name = tempfile.mkstemp(prefix=".writing-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """`write_whole` for text, UTF-8."""
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _sync_folder(folder: Path) -> None:
    """Make the new name itself survive a crash, where the system allows it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some file systems cannot sync a folder; the file's content is safe already
    finally:
        os.close(descriptor)


def sha256(path: Path) -> str:
    """The file's digest, hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def new_folder(parent: Path, stem: str) -> Path:
    """Make `parent/stem-1`, or the first number that is free; never an existing folder.

    Raises:
        UsageError: the folder cannot be made.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for number in range(1, 1_000_000):
            folder = parent / f"{stem}-{number}"
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return folder
    except OSError as error:
        raise UsageError(
            f"A run's folder cannot be made in '{parent}': {error.strerror}. Try another --runs."
        ) from error
    raise UsageError(f"'{parent}' has a million runs of '{stem}'; say another folder with --runs.")
