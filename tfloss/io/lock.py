"""One process at a time in a folder."""

from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path

from filelock import FileLock, Timeout

from tfloss.errors import UsageError
from tfloss.io.atomic import write_text

LOCK, HOLDER = ".lock", ".lock-holder"


class FolderLock:
    """Held by the process that writes in a folder; the system releases it when that process dies.

    Args:
        folder: an existing one.
        doing: what the holder does there, for the sentence that the second process gets.
    """

    def __init__(self, folder: Path, doing: str) -> None:
        self.folder, self.doing = folder, doing
        self._lock = FileLock(folder / LOCK)

    def acquire(self) -> None:
        """Take the lock, at once or not at all.

        Raises:
            UsageError: another process holds it, or there is no right to write in the folder.
        """
        about = {"pid": os.getpid(), "host": platform.node(), "since": time.strftime("%F %T")}
        try:
            self._lock.acquire(timeout=0)
            write_text(self.folder / HOLDER, json.dumps(about) + "\n")
        except Timeout:
            raise UsageError(
                f"Another process{self._holder()} {self.doing} in '{self.folder}'; wait for it, or "
                f"stop it first."
            ) from None
        except OSError as error:
            self._lock.release()
            raise UsageError(f"'{self.folder}' cannot be written: {error.strerror}.") from error

    def release(self) -> None:
        """Release the lock and remove its files."""
        if self._lock.is_locked:
            (self.folder / HOLDER).unlink(missing_ok=True)
            self._lock.release()

    def _holder(self) -> str:
        """' (12345 on HOST, since …)', as far as known."""
        try:
            about = json.loads((self.folder / HOLDER).read_text(encoding="utf-8"))
            return f" ({about['pid']} on {about['host']}, since {about['since']})"
        except (OSError, ValueError, KeyError, TypeError):
            return ""
