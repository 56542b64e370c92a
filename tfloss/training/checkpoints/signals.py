"""Ctrl-C and SIGTERM while a compiled program is at work.

Python carries out its signal handlers between two of its own instructions, which a compiled chunk
of steps does not have. So the system's handler writes the signal's number into a pipe, which it can
do at any moment, and a thread reads there: the first signal is noted (the training stops after its
chunk), the second ends the process at once. All files are written whole or not at all, so that
there is nothing to tidy up.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

from tfloss.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_END = 255  # no signal has this number
_SHOW_CURSOR = "\x1b[?25h"  # a progress bar had hidden it


class Interrupts:
    """Meanwhile the second signal ends the process; outside of the main thread nothing changes.

    A signal that is ignored, as Ctrl-C is by what a script starts with `&`, stays ignored.

    Args:
        tell: called with a sentence when the first signal comes.
        wait: the first is only noted, for somebody to stop when it suits; otherwise it raises
            `Interrupted` as soon as Python is at work again.

    Attributes:
        signal: the number of the first signal that came, or None.
    """

    def __init__(self, tell: Callable[[str], None] | None = None, *, wait: bool = True) -> None:
        self.signal: int | None = None
        self._wait = wait
        self._tell = tell
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is not threading.main_thread():
            return self
        if all(signal.getsignal(number) is signal.SIG_IGN for number in SIGNALS):
            return self
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._thread = threading.Thread(target=self._listen, name="tfloss-signals", daemon=True)
        self._thread.start()
        self._wakeup = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._before:
            return
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
        signal.set_wakeup_fd(self._wakeup)
        self._writer.send(bytes([_END]))
        self._thread.join()
        self._reader.close()
        self._writer.close()

    def _handle(self, number: int, _: object) -> None:
        if not self._wait:
            raise Interrupted("Interrupted; nothing was written.", number)

    def _listen(self) -> None:
        while True:
            number = self._reader.recv(1)
            if not number or number[0] == _END:
                return
            if number[0] not in SIGNALS:
                continue  # another handler's signal comes by here as well
            if self.signal is not None:
                _leave(number[0])
            self.signal = number[0]
            if self._tell is not None:
                self._tell("Stopping after this chunk of steps; once more stops at once.")


def _leave(number: int) -> None:
    """End the process without waiting for the compiled program."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream.isatty():
                stream.write(_SHOW_CURSOR)
            stream.flush()
        except Exception:  # nothing may keep the process from ending
            pass
    os._exit(128 + number)
