"""Time and memory of a loss with its gradient, by the number of rows: `tfloss check --sizes`."""

from __future__ import annotations

import contextlib
import ctypes
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfloss.registry import Loss
from tfloss.testing.results import NotApplicable
from tfloss.testing.sizes import largest_tensor, program
from tfloss.testing.subject import REFUSALS, Subject, as_tensors

SIZES = (256, 1_024, 4_096)
_MOST_BYTES = 4 * 2**30
_ROUNDS = 5


@dataclass(frozen=True)
class Cost:
    """What one size costs.

    Attributes:
        rows: of the batch.
        seconds: the median of five calls of the compiled value and gradient; None: not run.
        bytes: at its peak above what was there before; None where the system does not tell.
        note: why it was not run.
    """

    rows: int
    seconds: float | None = None
    bytes: int | None = None
    note: str = ""


def costs(loss: Loss, sizes: tuple[int, ...] = SIZES) -> Iterator[Cost]:
    """The cost of each size; one that would not fit, or is refused, is not run."""
    subject = Subject(loss)
    for rows in sizes:
        yield _cost(subject, rows)


def _cost(subject: Subject, rows: int) -> Cost:
    call = ready(subject, rows)
    if isinstance(call, str):
        return Cost(rows, note=call)
    before = _resident()
    call()
    peak = _peak()
    seconds = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    grown = None if before is None or peak is None else max(peak - before, 0)
    return Cost(rows, float(np.median(seconds)), grown)


def ready(subject: Subject, rows: int) -> Callable[[], Any] | str:
    """What computes value and gradient of so many random rows and waits; or why it is not to."""
    try:
        width = subject.widths[-1]
        compiled = program(subject, width, rows)
    except (*REFUSALS, NotApplicable) as refusal:
        return f"refused: {str(refusal).partition(chr(10))[0]}"
    largest = 4 * math.prod(largest_tensor(compiled.graph)[0])
    if largest > _MOST_BYTES:
        return f"a tensor of {largest / 2**30:.0f} GiB"
    tensors = as_tensors(subject.moderate(width, rows=rows))
    return lambda: np.asarray(compiled(tensors)[0])


def _resident() -> int | None:
    """Bytes in use now, with the mark of the peak set back; None where that cannot be had."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        return _status("VmRSS")
    return None


def _peak() -> int | None:
    with contextlib.suppress(OSError):
        return _status("VmHWM")
    return None


def _status(field: str) -> int | None:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return 1024 * int(line.split()[1])
    return None
