"""Long trainings need no more memory and no longer files; see long_run.py for a million steps."""

from __future__ import annotations

from tests.reliability.long_run import measure


def test_memory_and_files_do_not_grow(full_size):
    """An array that is kept from every step would be megabytes in 100,000."""
    steps = 1_000_000 if full_size else 50_000
    seen = measure(steps)
    print(seen)
    assert seen["steps"] == steps
    assert seen["lines of metrics"] <= 20_001
    assert seen["bytes of metrics"] < 10e6
    assert seen["bytes of a checkpoint"] < 1e6
    assert seen["kB per 100,000 steps"] < (1_000 if full_size else 20_000)
