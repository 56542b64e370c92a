"""Progress of a training: a live line in a terminal, plain lines in a pipe."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

_PLAIN_LINES = 10  # in a pipe, for a whole training


class LiveProgress:
    """A bar with epoch, rate, total, each term, the holdout's total and the time left."""

    def __init__(self, console: Console, epochs: int) -> None:
        self._progress = Progress(
            TextColumn("epoch {task.completed:.0f}/{task.total:.0f}"),
            BarColumn(bar_width=20),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[values]}", markup=False),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task("", total=epochs, values="compiling")
        self._rate = _Rate()

    def __enter__(self) -> Callable[[Any], None]:
        self._progress.start()
        return self._watch

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _watch(self, history: Any) -> None:
        last = history.latest
        values = f"{self._rate(last.step):,.0f} steps/s  {describe(last)}"
        self._progress.update(self._task, completed=last.number, values=values)


class PlainProgress:
    """A line about every tenth of a training."""

    def __init__(self, stream: TextIO, epochs: int) -> None:
        self._stream = stream
        self._epochs = epochs
        self._next = 0.0
        self._rate = _Rate()

    def __enter__(self) -> Callable[[Any], None]:
        return self._watch

    def __exit__(self, *_: object) -> None:
        self._stream.flush()

    def _watch(self, history: Any) -> None:
        last = history.latest
        rate = self._rate(last.step)
        if last.number < self._next and last.number < self._epochs:
            return
        self._next = last.number + self._epochs / _PLAIN_LINES
        print(
            f"epoch {last.number}/{self._epochs}  {rate:,.0f} steps/s  {describe(last)}",
            file=self._stream,
        )


class _Rate:
    """Steps per second since the last look; the first look includes compiling."""

    def __init__(self) -> None:
        self._time, self._step = time.perf_counter(), 0

    def __call__(self, step: int) -> float:
        now = time.perf_counter()
        rate = (step - self._step) / max(now - self._time, 1e-9)
        self._time, self._step = now, step
        return rate


def describe(epoch: Any) -> str:
    """'total 0.1234  bce 0.1200  …  holdout 0.2345'."""
    values = [f"{name} {value:.4f}" for name, value in epoch.train.items()]
    if epoch.holdout is not None:
        values.append(f"holdout {epoch.holdout['total']:.4f}")
    return "  ".join(values)
