"""What a process spends on the parts of its work: processor, clock, and memory at the most."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Phases:
    """Measures named parts of a process.

    Attributes:
        found: by part `seconds`, `processor` (seconds, of all threads), `peak` (bytes in memory at
            the most) and `more` (bytes above what there was when it began).
        facts: other numbers that a member wants to show, the bytes of a file for example.
    """

    def __init__(self) -> None:
        self.found: dict[str, dict[str, float]] = {}
        self.facts: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins again
        before = resident()
        clock, processor = time.perf_counter(), time.process_time()
        yield
        self.found[name] = {
            "seconds": time.perf_counter() - clock,
            "processor": time.process_time() - processor,
            "peak": peak(),
            "more": peak() - before,
        }

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"phases": self.found, "facts": self.facts}


def resident() -> int:
    """Bytes of this process in memory."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def peak() -> int:
    """The most of them since the last part began."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
