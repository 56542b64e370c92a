"""Atomic writes: a file is there whole or not at all."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tfloss.errors import UsageError

# A temporary file's name says which process of which machine writes it, so that what a dead one
# left can be told from what a living one is at.
_TEMPORARY = re.compile(r"\.writing-(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-")
_FORGOTTEN_AFTER = 24 * 3600.0  # seconds


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file next to `path`, then put it in place in one step.

    A crash at any moment leaves the old file or the new one, never half of one.

    Args:
        path: where the file belongs.
        write: gets the temporary path, which has the same ending.
    """
    handle, name = tempfile.mkstemp(prefix=_prefix(), suffix=path.suffix, dir=path.parent)
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


def write_new(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file or a folder next to `path`, then put it in place in one step.

    Nothing is overwritten, and when `write` raises, nothing is left.

    Args:
        path: where it belongs; its folder is made where it is missing.
        write: gets a temporary path of the same name, at which nothing is yet.

    Raises:
        UsageError: something is there already, or cannot be written.
    """
    refuse_existing(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path.parent)
        with tempfile.TemporaryDirectory(prefix=_prefix(), dir=path.parent) as folder:
            temporary = Path(folder) / path.name
            write(temporary)
            for file in [temporary, *temporary.rglob("*")]:
                if file.is_file():
                    with file.open("rb+") as opened:
                        os.fsync(opened.fileno())
            _place_new(temporary, path)
    except FileExistsError:
        refuse_existing(path)
        raise
    except OSError as error:
        raise UsageError(f"'{path}' cannot be written: {error.strerror or error}.") from error
    _sync_folder(path.parent)


def _place_new(temporary: Path, path: Path) -> None:
    """Give a file or folder its name, where nothing must be."""
    if not temporary.is_dir():
        try:
            os.link(temporary, path)  # unlike a rename, never replaces
            return
        except FileExistsError:
            raise
        except OSError:
            refuse_existing(path)  # a file system without hard links
    os.rename(temporary, path)  # a folder: fails where another process filled it meanwhile


def refuse_existing(path: Path) -> None:
    """Raise UsageError where something is there already."""
    if path.exists() or path.is_symlink():
        raise UsageError(f"'{path}' exists already; choose another name, or move it away.")


def write_text(path: Path, text: str) -> None:
    """`write_whole` for text, UTF-8."""
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def remove_leftovers(folder: Path) -> list[Path]:
    """Remove the temporary files and folders of processes that died; those of others stay.

    Returns:
        what was removed.
    """
    removed = []
    try:
        found = list(folder.glob(".writing-*"))
    except OSError:
        return []  # whoever needs the folder will say so
    for path in found:
        if _is_leftover(path):
            try:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            except OSError:
                continue  # another process was quicker, or it is not ours to remove
            removed.append(path)
    return removed


def _is_leftover(path: Path) -> bool:
    try:
        old = time.time() - path.lstat().st_mtime > _FORGOTTEN_AFTER
    except OSError:
        return False
    match = _TEMPORARY.match(path.name)
    here = match is not None and match["host"] == _host()
    return old or (here and match is not None and not _runs(int(match["pid"])))


def _prefix() -> str:
    return f".writing-{_host()}-{os.getpid()}-"


def _host() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _runs(pid: int) -> bool:
    """Whether there is such a process on this machine."""
    if os.name == "nt":
        return True  # asking would end it; age decides
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


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
    with path.open("rb") as file:  # data files may be larger than memory
        return hashlib.file_digest(file, "sha256").hexdigest()


def refuse_unwritable(parent: Path) -> None:
    """Refuse a folder in which none can be made, before hours are spent on what goes there.

    Raises:
        UsageError: no right to write in it, or in what is to hold it; or it is a file.
    """
    there = next(path for path in (parent, *parent.absolute().parents) if path.exists())
    if not there.is_dir():
        raise UsageError(
            f"'{there}' is not a folder, so '{parent}' cannot be made; try another --runs."
        )
    if not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(f"Nothing can be written in '{there}'; try another --runs.")


@contextmanager
def whole_folder(parent: Path, stem: str) -> Iterator[list[Path]]:
    """Fill a folder under a temporary name; it gets the first free `parent/stem-N` at the end.

    A crash at any moment leaves no `stem-N` that is not whole. Yields a list whose first item is
    the temporary folder; afterwards it is the folder itself.

    Raises:
        UsageError: it cannot be made.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(parent)
        place = [Path(tempfile.mkdtemp(prefix=_prefix(), dir=parent))]
    except OSError as error:
        raise _cannot_be_made(parent, error) from error
    try:
        yield place
        place[0].chmod(0o755)
        place[0] = _named(place[0], parent, stem)
        _sync_folder(parent)
    except BaseException:
        shutil.rmtree(place[0], ignore_errors=True)
        raise


def _named(folder: Path, parent: Path, stem: str) -> Path:
    """Rename a folder to the first free `parent/stem-N`; one that has files is never replaced."""
    for path in _free_names(parent, stem):
        if not path.exists():
            try:
                return folder.rename(path)
            except OSError:
                if not path.exists():
                    raise
    raise _too_many(parent, stem)


def new_folder(parent: Path, stem: str) -> Path:
    """Make `parent/stem-1`, or the first number that is free; never an existing folder.

    Raises:
        UsageError: the folder cannot be made.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for folder in _free_names(parent, stem):
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return folder
    except OSError as error:
        raise _cannot_be_made(parent, error) from error
    raise _too_many(parent, stem)


def _free_names(parent: Path, stem: str) -> Iterator[Path]:
    """`parent/stem-1` and so on, without those that are there, which are listed once.

    Behind 5,000 runs, asking for one name after the other would be 5,000 questions to the disk.
    """
    try:
        there = set(os.listdir(parent))
    except OSError:  # a folder that may be written and not read
        there = set()
    names = (f"{stem}-{number}" for number in range(1, 1_000_000))
    return (parent / name for name in names if name not in there)


def _too_many(parent: Path, stem: str) -> UsageError:
    return UsageError(f"'{parent}' has a million runs of '{stem}'; choose another --runs.")


def _cannot_be_made(parent: Path, error: OSError) -> UsageError:
    return UsageError(
        f"A run's folder cannot be made in '{parent}': {error.strerror}. Try another --runs."
    )
