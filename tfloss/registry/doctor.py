"""Load each plugin in a process of its own, under a time limit, and say what is wrong with it.

A plugin that raises is a sentence wherever plugins are loaded. One that never comes back, or takes
its process down, can only be found from outside; then `--no-plugin NAME` leaves it out unloaded.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

from tfloss.registry.entry_points import distribution_of, entry_points
from tfloss.registry.loading import load_entry_point, unlisted

SLOW = ("tensorflow", "keras", "sklearn", "torch", "jax", "pandas")  # not for listings' sake
_LONG = 1.0  # seconds of loading that a listing should not take


@dataclass(frozen=True)
class Finding:
    """What became of one plugin.

    Attributes:
        name: the entry point's.
        distribution: 'name version'.
        problem: what stops it, or ''.
        advice: what is not good, but works; or ''.
        seconds: how long it took to load.
        registers: how many declarations.
    """

    name: str
    distribution: str
    problem: str = ""
    advice: str = ""
    seconds: float = 0.0
    registers: int = 0


def examine(limit: float) -> Iterator[Finding]:
    """Load every installed plugin by itself; `limit`: seconds for each."""
    entries, unreadable = entry_points()
    for entry in entries:
        yield _examine(entry, limit)
    for name, problem in unreadable.items():
        yield Finding(name, "unknown distribution", problem)


def _examine(entry: metadata.EntryPoint, limit: float) -> Finding:
    """Start a process for one plugin, wait for it, and read what it left."""
    distribution = distribution_of(entry)
    with tempfile.TemporaryFile("w+") as answer, tempfile.TemporaryFile("w+") as noise:
        command = [sys.executable, "-c", _PROGRAM, entry.name, entry.value, str(answer.fileno())]
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=noise,
            stderr=noise,
            pass_fds=(answer.fileno(),),
            start_new_session=True,
        )
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            _end(process)
            problem = f"it was not loaded after {limit:g} s"
            return Finding(entry.name, distribution, problem, seconds=limit)
        answer.seek(0)
        said = answer.read()
        loud = noise.tell() > 0
    if not said:
        return Finding(
            entry.name, distribution, f"it ended the process that loaded it: {_end_of(code)}"
        )
    found = json.loads(said)
    return Finding(
        entry.name,
        distribution,
        found["problem"],
        _advice(found, loud),
        found["seconds"],
        found["registers"],
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """The process and what it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _end_of(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _advice(found: dict[str, object], loud: bool) -> str:
    told = []
    if found["heavy"]:
        told.append(f"loading it imports {', '.join(found['heavy'])}")  # type: ignore[arg-type]
    elif float(found["seconds"]) > _LONG:  # type: ignore[arg-type]
        told.append(f"loading it takes {found['seconds']:.1f} s")
    if found["unlisted"]:
        names = ", ".join(found["unlisted"])  # type: ignore[arg-type]
        told.append(f"it declares {names}, which none of its hooks lists")
    if loud:
        told.append("it prints while it is loaded")
    return "; ".join(told)


_PROGRAM = "from tfloss.registry.doctor import load_one; load_one()"


def load_one() -> None:
    """The process: load the plugin that the command line names, and say what became of it."""
    name, value, descriptor = sys.argv[1:]
    entries, _ = entry_points()
    matching = [entry for entry in entries if (entry.name, entry.value) == (name, value)]
    os.environ.pop("TFLOSS_NO_PLUGIN", None)
    before = set(sys.modules)
    started = time.perf_counter()
    plugin = load_entry_point(matching[0], set())
    seconds = time.perf_counter() - started
    heavy = [module for module in SLOW if module in sys.modules and module not in before]
    found = {
        "problem": plugin.problem,
        "registers": len(plugin.declarations),
        "seconds": seconds,
        "heavy": heavy,
        "unlisted": unlisted(plugin.loaded, plugin.declarations) if not plugin.problem else [],
    }
    with os.fdopen(int(descriptor), "w") as answer:
        json.dump(found, answer)
    os._exit(0)  # threads and exit handlers of a plugin are not waited for
