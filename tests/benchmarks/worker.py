"""One peer in a process of its own: it answers every line on stdin with its steps per second.

python -m tests.benchmarks.worker MODULE FUNCTION '{"option": 1}' A SECONDS
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.benchmarks.workloads import WORKLOADS, Workload

_GUESSES, _MOST_EPOCHS = 5, 50_000


def main() -> None:
    module, function, options, name, seconds = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is not an answer
    workload = WORKLOADS[name]
    make = getattr(importlib.import_module(module), function)
    train = make(workload, **json.loads(options))
    epochs = _epochs_for(float(seconds), workload, train)
    rate(workload, train, epochs)  # compiles for so many epochs, where that is part of the shape
    print(json.dumps({"ready": epochs}), file=answers, flush=True)
    for _ in sys.stdin:
        print(json.dumps({"rate": rate(workload, train, epochs)}), file=answers, flush=True)


def rate(workload: Workload, train: Callable[[int], Any], epochs: int) -> float:
    """Steps per second."""
    started = time.perf_counter()
    measured = train(epochs)
    if isinstance(measured, float):
        return measured
    return epochs * workload.steps_per_epoch / (time.perf_counter() - started)


def _epochs_for(seconds: float, workload: Workload, train: Callable[[int], Any]) -> int:
    """How many epochs take so long; guessed from two epochs, then from the guess before.

    A guess from a training that is too short is far too low for one that pays little per step.
    """
    epochs = 2
    train(epochs)
    for _ in range(_GUESSES):
        steps = rate(workload, train, epochs) * seconds
        before, epochs = epochs, min(max(2, round(steps / workload.steps_per_epoch)), _MOST_EPOCHS)
        if epochs < 2 * before:
            break
    return epochs


if __name__ == "__main__":
    main()
