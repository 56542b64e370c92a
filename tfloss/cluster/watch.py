"""A thread that ends this process where another worker is gone.

A collective that waits for a dead peer ends with an error of TensorFlow's, but a worker that waits
for anything else, or whose peer has stopped without dying, would wait for ever. All files are
written whole or not at all, so that leaving at once loses nothing.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from types import TracebackType

from tfloss.cluster.coordination import GoneError, answers
from tfloss.cluster.peers import Peers
from tfloss.errors import WorkerError

_EVERY = 5.0  # seconds
_ANSWER_SECONDS = 5.0
_MOST_SILENT = 3  # times in a row, after which a peer is gone


class Watch:
    """Watches the other workers; a context.

    Args:
        peers: the workers.
        advice: what else is said: how far the training came, and how to go on.
        leave: called with the sentence and the exit code; default: end the process.
    """

    def __init__(
        self,
        peers: Peers,
        advice: Callable[[], str],
        leave: Callable[[str, int], None] | None = None,
    ) -> None:
        self._peers, self._advice = peers, advice
        self._leave = leave or leave_at_once
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tfloss-watch", daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()

    def _run(self) -> None:
        silent = dict.fromkeys(self._peers.others, 0)
        while not self._stop.wait(_EVERY):
            for one in silent:
                silent[one] = 0 if answers(one, _ANSWER_SECONDS) else silent[one] + 1
                if silent[one] >= _MOST_SILENT and not self._stop.is_set():
                    if self._is_finished(one):
                        silent.pop(one)
                        break
                    error = self._peers.lost([one])
                    self._leave(f"{error} {self._advice()}", WorkerError.exit_code)
                    return

    def _is_finished(self, index: int) -> bool:
        try:
            return self._peers.is_finished(index)
        except GoneError:
            return False


def leave_at_once(sentence: str, exit_code: int) -> None:
    """Say it, and end the process without waiting for TensorFlow."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is sys.stderr:
                stream.write(f"\nError: {sentence}\n")
            stream.flush()
        except Exception:  # nothing may keep the process from ending
            pass
    os._exit(exit_code)
