"""TensorFlow's coordination service: short texts that all workers can read, and who answers.

`MultiWorkerMirroredStrategy` starts the service in the chief's process. TensorFlow has no public
name for it; this file is the only one that knows the private one.
"""

from __future__ import annotations

import base64
import time
from typing import Any

from tfloss.lazy import tf

_PART = 1 << 19  # bytes of one value; a message of the service has a limit
_GLANCE = 0.5  # seconds of one question, between which Python hears of signals


class GoneError(Exception):
    """The service does not answer any more, or reports that a worker died."""


def set_value(key: str, value: bytes) -> None:
    """Let all workers read a value, which nobody can change afterwards.

    Raises:
        GoneError: the service is gone.
    """
    parts = [value[at : at + _PART] for at in range(0, len(value), _PART)]
    texts = [base64.b85encode(part).decode() for part in parts]
    for number, text in enumerate(texts):
        _asked("set_config_key_value", f"{key}/{number}", text)
    _asked("set_config_key_value", key, str(len(parts)))


def get_value(key: str, seconds: float | None = None) -> bytes | None:
    """A value that another worker has set, or will; None: not within so many seconds.

    Raises:
        GoneError: the service is gone.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    while True:
        count = _asked("get_config_key_value", key, int(_GLANCE * 1000))
        if count is not None:
            break
        if deadline is not None and time.monotonic() > deadline:
            return None
    parts = [_asked("get_config_key_value", f"{key}/{n}", 60_000) for n in range(int(count))]
    if any(part is None for part in parts):
        raise GoneError(f"a part of '{key}' is missing")
    return b"".join(base64.b85decode(part) for part in parts)


def answers(index: int, seconds: float) -> bool:
    """Whether a worker's process answers, and is the one that it was."""
    task = f"/job:{_job(index)[0]}/replica:0/task:{_job(index)[1]}"
    try:
        _context().check_collective_ops_peer_health(task, timeout_in_ms=int(seconds * 1000))
    except tf.errors.OpError:
        return False
    return True


def _job(index: int) -> tuple[str, int]:
    """Of workers that are counted through: the chief's job comes first, where there is one."""
    jobs = _context()._collective_ops_server_def.cluster.job
    for job in sorted(jobs, key=lambda one: one.name):
        if index < len(job.tasks):
            return str(job.name), index
        index -= len(job.tasks)
    raise IndexError(index)


def _asked(method: str, *values: Any) -> Any:
    try:
        return getattr(_context(), method)(*values)
    except (tf.errors.DeadlineExceededError, tf.errors.NotFoundError):
        return None
    except tf.errors.OpError as error:
        raise GoneError(str(error).partition("\n")[0]) from error


def _context() -> Any:
    from tensorflow.python.eager import context

    return context.context()
