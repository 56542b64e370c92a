"""Change the code in small ways and see whether a test notices.

    python -m tests.mutation tfloss/formula --tests tests/formula
    python -m tests.mutation tfloss/objective --tests tests/objective --warm tensorflow keras

Each mutant lives in a forked process, into which only pytest and what `--warm` names have been
imported before; no file is changed. Only the tests that run the changed line are asked, the quick
ones first, and the first that fails ends it. What survives is printed as file, line and change.
"""

from __future__ import annotations

import argparse
import importlib
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.mutation.mutants import mutants_of
from tests.mutation.runs import look, outcome


def _named(output: Path) -> set[tuple[str, str]]:
    """Path and change of each mutant that was not noticed; its line may be another since."""
    lines = output.read_text(encoding="utf-8").splitlines()
    places = [line.partition(" tests: ")[2] for line in lines if " tests: " in line]
    return {(p.split(":")[0], p.partition(": ")[2]) for p in places}


def _files(paths: list[Path]) -> list[Path]:
    return sorted(p for path in paths for p in ([path] if path.is_file() else path.rglob("*.py")))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="+", type=Path, help="files, or folders of them")
    parser.add_argument("--tests", nargs="+", required=True)
    parser.add_argument("--sample", type=int, help="so many mutants, drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", type=Path, help="those that this output of a run names")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after so long")
    parser.add_argument("--warm", nargs="*", default=[], help="modules to import once")
    options = parser.parse_args()
    for module in ("hypothesis", "numpy", *options.warm):
        importlib.import_module(module)
    with tempfile.TemporaryDirectory() as kept:
        seen = look(options.paths, options.tests, Path(kept) / "seen")
    if seen is None:
        sys.exit("The tests do not pass on the code as it is.")
    found = [mutant for path in _files(options.paths) for mutant in mutants_of(path)]
    before = _named(options.again) if options.again else None
    wanted = [m for m in found if before is None or (str(m.path), m.change) in before]
    size = min(options.sample or len(wanted), len(wanted))
    drawn = random.Random(options.seed).sample(wanted, size)
    started, counts = time.monotonic(), Counter[str]()
    for mutant in drawn:
        if time.monotonic() - started > 60 * options.minutes:
            break
        names = seen.tests_of(mutant)
        limit = 30 + 5 * sum(seen.seconds[name] for name in names)
        how = outcome(mutant, names, limit) if names else "survived"
        counts[how] += 1
        if how != "noticed":
            print(f"{how} {len(names)} tests: {mutant}", flush=True)
    print(
        f"{counts.total() - counts['survived']} of {counts.total()} mutants were noticed, "
        f"{counts['timeout']} of them since a test took too long ({len(found)} there are)"
    )


if __name__ == "__main__":
    main()
