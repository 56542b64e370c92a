"""What each loss costs: value and gradient of 256 and of 4,096 rows, in microseconds.

    python -m tests.benchmarks.losses [NAMES …] [--rounds 9] [--write]

Compiled by tf.function, on random inputs as `tfloss check` makes them, 50 columns wide where a loss
takes that many. Twelve losses and `mse` take turns, round by round, so that a machine that slows
down slows all of them; medians, and the ratio to `mse` in the same turns. A size that a loss
refuses, or that would need a tensor of more than 4 GiB, is left out with its reason. To be run on a
machine that does nothing else.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from tests.benchmarks.engine import markdown_of, write_page
from tfloss.lazy import tf
from tfloss.registry import Loss
from tfloss.report.catalogue import built_in, by_family
from tfloss.testing.cost import ready
from tfloss.testing.subject import Subject

SIZES = (256, 4_096)
_AT_ONCE = 12
_LEAST = 0.02  # seconds of one timing, so that the clock's step does not matter

Figure = tuple[float, float] | str  # microseconds and the ratio to mse, or why there are none


def figures(losses: list[Loss], rows: int, rounds: int) -> Iterator[tuple[str, Figure]]:
    """The cost of each at one size."""
    yardstick = ready(Subject(built_in()["mse"]), rows)
    assert callable(yardstick)
    for start in range(0, len(losses), _AT_ONCE):
        some = losses[start : start + _AT_ONCE]
        found = {loss.name: _fits(ready(Subject(loss), rows)) for loss in some}
        calls = {name: call for name, call in found.items() if callable(call)}
        times = _in_turn({"": yardstick, **calls}, rounds)
        for name, call in found.items():
            if isinstance(call, str):
                yield name, call
            else:
                ratio = np.median(np.array(times[name]) / np.array(times[""]))
                yield name, (1e6 * float(np.median(times[name])), float(ratio))


def _fits(call: Callable[[], Any] | str) -> Callable[[], Any] | str:
    """The same, once it has run; several tensors that are small enough may be too much together."""
    if callable(call):
        try:
            call()
        except tf.errors.ResourceExhaustedError:
            return "out of memory"
    return call


def _in_turn(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds of a call, for each of the rounds."""
    often = {
        name: max(1, int(_LEAST / max(_seconds(call, 1), 1e-7))) for name, call in calls.items()
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            times[name].append(_seconds(call, often[name]))
    return times


def _seconds(call: Callable[[], Any], times: int) -> float:
    started = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - started) / times


def table(family: str, losses: list[Loss], rounds: int) -> Table:
    """A row for each loss of a family."""
    found = Table(title=family)
    for header in ("loss", *(f"{rows:,} rows, µs" if unit else "of mse" for rows in SIZES
                             for unit in (True, False))):  # fmt: skip
        found.add_column(header, justify="left" if header == "loss" else "right")
    by_size = [dict(figures(losses, rows, rounds)) for rows in SIZES]
    for loss in losses:
        cells = [cell for size in by_size for cell in _cells(size[loss.name])]
        found.add_row(f"`{loss.name}`", *cells)
    return found


def _cells(figure: Figure) -> tuple[str, str]:
    if isinstance(figure, str):
        return figure, ""
    return f"{figure[0]:,.0f}", f"{figure[1]:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="of losses; default: all")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks/losses.md")
    options = parser.parse_args()
    chosen = [loss for name, loss in built_in().items() if name in (options.names or built_in())]
    tables = []
    for family, losses in by_family(chosen).items():
        tables.append(table(family, losses, options.rounds))
        Console().print(tables[-1])
    if options.write:
        command = f"python -m tests.benchmarks.losses --rounds {options.rounds} --write"
        print(write_page("losses", command, [markdown_of(one) for one in tables]))


if __name__ == "__main__":
    main()
