"""Long trainings need no more memory and no longer files; see long_run.py for a million steps."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import json
from tests.reliability.long_run import measure
print(json.dumps(measure({steps})))
"""


def test_memory_and_files_do_not_grow(full_size):
    """A leak of one array per step would be hundreds of kilobytes per 100,000 steps."""
    steps = 1_000_000 if full_size else 120_000
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(steps=steps)],
        capture_output=True, text=True, check=True, timeout=3600,
    )  # fmt: skip
    seen = json.loads(done.stdout.splitlines()[-1])
    print(seen)
    assert seen["steps"] == steps
    assert seen["lines of metrics"] <= 20_001
    assert seen["bytes of metrics"] < 10e6
    assert seen["bytes of a checkpoint"] < 1e6
    assert seen["kB per 100,000 steps"] < (1_000 if full_size else 20_000)
