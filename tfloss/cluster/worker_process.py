"""One worker that was started on this machine: its process, and its log."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

_TAIL = 4096  # bytes of a log that are looked at


class WorkerProcess:
    """A process whose output goes to a log.

    Args:
        command: what is started.
        index: of the worker.
        log: is appended to.
        environment: of the process.
        shown: whether its output is shown here too.
        ended: called, in another thread, with the index when the process has ended.
    """

    def __init__(
        self,
        command: Sequence[str],
        index: int,
        log: Path,
        environment: Mapping[str, str],
        *,
        shown: bool,
        ended: Callable[[int], None],
    ) -> None:
        self.index, self.log = index, log
        self._file = log.open("ab")
        output: dict[str, Any] = {"stdout": self._file, "stderr": self._file}
        if shown:
            output = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        try:
            # Of a process group of its own: Ctrl-C reaches it through whoever started it, once.
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                env=dict(environment),
                process_group=0,
                **output,
            )
        except BaseException:
            self._file.close()
            raise
        self._readers = [
            threading.Thread(target=self._copy, args=(pipe, shown_at), daemon=True)
            for pipe, shown_at in (
                (self._process.stdout, sys.stdout),
                (self._process.stderr, sys.stderr),
            )
            if pipe is not None
        ]
        for reader in self._readers:
            reader.start()
        threading.Thread(target=self._wait, args=(ended,), daemon=True).start()

    @property
    def code(self) -> int | None:
        """As of `subprocess`: below zero for a signal; None while it runs."""
        return self._process.returncode

    @property
    def fate(self) -> str:
        """How it ended, as the end of a sentence."""
        code = self._process.returncode
        if code is None:
            return "did not end"
        if code < 0:
            return f"was killed by {_signal_name(-code)}"
        return f"ended with exit code {code}"

    def send(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def kill(self) -> None:
        """End it, and whatever it has started, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def last_lines(self, count: int) -> list[str]:
        """Of its log."""
        with self.log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            lines = file.read().decode(errors="replace").splitlines()
        return [line for line in lines if line.strip()][-count:]

    def _wait(self, ended: Callable[[int], None]) -> None:
        self._process.wait()
        for reader in self._readers:
            reader.join(5.0)  # a grandchild may hold the pipe for longer
        self._file.close()
        ended(self.index)

    def _copy(self, pipe: IO[bytes], shown_at: Any) -> None:
        """Whole lines, so that those of two streams are not mixed."""
        for line in pipe:
            with contextlib.suppress(ValueError):  # the log was closed
                self._file.write(line)
                self._file.flush()
            with contextlib.suppress(ValueError, OSError):  # nobody reads any more
                shown_at.write(line.decode(errors="replace"))
                shown_at.flush()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
