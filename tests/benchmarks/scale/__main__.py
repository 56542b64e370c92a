"""Time and memory at one size and at half of it, and by which power of the size they grow.

    python -m tests.benchmarks.scale [--full] [--only rows classes …] [--sizes 100000 200000]
        [--write]

Each size is a process of its own. The power of a part's time is that of its seconds on the
processor, which others on the machine disturb less than the clock: 1 is as fast as the size, 2 is
its square; parts of less than a second have none. Memory is the peak above what the process had
before the part, also in multiples of the data (what `x` has in memory when the part begins is not
counted). A part whose power is above 1.15 is marked.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.engine import ROOT, markdown_of, write_page
from tests.benchmarks.scale.members import MEMBERS
from tests.benchmarks.scale.phases import Phases

_MOST = 1.15  # power of what grows like its input, with what a measurement is off by
_SHORTEST = 1.0  # seconds of which a power is told
_MB = 1e6


def one(name: str, size: int) -> dict[str, Any]:
    """What a process measures."""
    phases = Phases()
    MEMBERS[name].run(size, phases)
    return phases.as_dict()


def measured(name: str, size: int) -> dict[str, Any]:
    """`one` in a process of its own; what it prints last."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.scale", "--one", name, str(size)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=ROOT,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def power(small: float, large: float, sizes: tuple[int, int]) -> float:
    """By which power of the size something grew."""
    return math.log(large / small) / math.log(sizes[1] / sizes[0])


def table_of(name: str, sizes: tuple[int, int]) -> Table:
    """A member at both sizes."""
    small, large = (measured(name, size) for size in sizes)
    unit = MEMBERS[name].unit
    table = Table(title=f"{name}: {sizes[0]:,} and {sizes[1]:,} {unit}", title_justify="left")
    for column in ("part", "s", "s, large", "power", "MB more", "MB, large", "of the data"):
        table.add_column(column, justify="right")
    for part, then in large["phases"].items():
        first = small["phases"][part]
        grows = ""
        if then["processor"] >= _SHORTEST:
            found = power(first["processor"], then["processor"], sizes)
            grows = f"{found:.2f}{' !' if found > _MOST else ''}"
        data = large["facts"].get("data")
        table.add_row(
            part,
            f"{first['seconds']:.1f}",
            f"{then['seconds']:.1f}",
            grows,
            f"{first['more'] / _MB:,.0f}",
            f"{then['more'] / _MB:,.0f}",
            f"{then['more'] / data:.2f}" if data else "",
        )
    for fact, value in large["facts"].items():
        first = small["facts"][fact]
        found = power(first, value, sizes)
        table.add_row(
            fact, "", "", f"{found:.2f}", f"{first / _MB:,.1f}", f"{value / _MB:,.1f}", ""
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--full", action="store_true", help="the sizes of docs/benchmarks/scale.md")
    parser.add_argument("--only", nargs="+", default=list(MEMBERS), choices=list(MEMBERS))
    parser.add_argument("--sizes", nargs=2, type=int, help="others, of each member")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks/scale.md")
    parser.add_argument("--one", nargs=2, metavar=("MEMBER", "SIZE"), help="in this process")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.one[0], int(options.one[1]))), flush=True)
        return
    parts = []
    for name in options.only:
        member = MEMBERS[name]
        size = member.full if options.full else member.small
        table = table_of(name, tuple(options.sizes or (size // 2, size)))
        Console(width=110).print(table)
        parts.append(markdown_of(table))
    if options.write:
        full = " --full" if options.full else ""
        print(write_page("scale", f"python -m tests.benchmarks.scale{full} --write", parts))


if __name__ == "__main__":
    main()
