"""A process that trains again and again keeps nothing of the trainings before.

`python -m tests.benchmarks.long_lives` measures 200 of them by each door.
"""

from __future__ import annotations

import gc

import pytest

from tests.benchmarks.long_lives import DOORS, graphs


@pytest.mark.parametrize("door", ["fit", "attach"])
def test_a_training_leaves_no_program_and_few_objects(door):
    """Of two trainings more, once caches are full: a graph alone would be thousands."""
    train = DOORS[door]
    for number in range(1):
        train(number)
    gc.collect()
    before = len(gc.get_objects()), graphs()
    for number in range(1, 3):
        train(number)
    gc.collect()
    after = len(gc.get_objects()), graphs()
    assert after[1] <= before[1]
    assert after[0] < 1.002 * before[0]
