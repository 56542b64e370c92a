"""One member of the zoo, measured in a process of its own: all engines take turns.

    python -m tests.benchmarks.zoo.measure NAME SECONDS

prints one line of JSON: by engine and mode the figures of every round. `cold`: seconds for a new
network, compiling, three epochs and their evaluations; `again`: the same three epochs once more;
`long`: steps per second. SECONDS bound the whole, but two rounds are made in any case.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

EPOCHS = 3
_ROUNDS, _MOST_ROUNDS = 2, 9
_LONG_SECONDS = 1.0  # of one timing
_MOST_EPOCHS = 10_000
_FOR_COLD = 0.5  # of the time

Figures = dict[str, dict[str, list[float]]]


def measure(name: str, seconds: float, engines: list[str] | None = None) -> dict[str, Any]:
    """The figures of a member, and what was left out."""
    from tests.benchmarks.zoo.engines import ENGINES, choice_for
    from tests.benchmarks.zoo.members import MEMBERS

    member, began = MEMBERS[name], time.perf_counter()
    chosen = {n: kind for n, kind in ENGINES.items() if engines is None or n in engines}
    figures: Figures = {n: {"cold": [], "long": [], "again": []} for n in chosen}
    left_out: dict[str, str] = {}
    ready: dict[str, Any] = {}

    def each(work: Callable[[str], None]) -> None:
        for one in chosen:
            if one not in left_out:
                try:
                    work(one)
                except Exception as error:  # said in the table
                    left_out[one] = f"{type(error).__name__}: {str(error).splitlines()[0][:100]}"

    def cold(one: str) -> None:
        _seeded()
        started = time.perf_counter()
        ready[one] = chosen[one](member)
        ready[one].short(EPOCHS)
        figures[one]["cold"].append(time.perf_counter() - started)

    _rounds(lambda: each(cold), began + _FOR_COLD * seconds)
    epochs: dict[str, int] = {}

    def warm(one: str) -> None:
        count = EPOCHS
        while True:
            ready[one].long(count)  # the length of a chunk may be compiled for it
            taken = _seconds(partial(ready[one].long, count))
            if taken > _LONG_SECONDS / 2 or count > _MOST_EPOCHS:
                break
            count *= 8  # what a call costs by itself must not count
        epochs[one] = max(EPOCHS, round(count * _LONG_SECONDS / taken))
        ready[one].long(epochs[one])

    def long(one: str) -> None:
        taken = _seconds(lambda: ready[one].long(epochs[one]))
        figures[one]["long"].append(epochs[one] * member.steps / taken)
        figures[one]["again"].append(_seconds(lambda: ready[one].short(EPOCHS)))

    each(warm)
    _rounds(lambda: each(long), began + seconds)
    return {
        "name": name,
        "figures": {n: f for n, f in figures.items() if n not in left_out},
        "left out": left_out,
        "long as": choice_for(member),
    }


def _seeded() -> None:
    import keras

    keras.utils.set_random_seed(0)


def _rounds(one: Callable[[], None], until: float) -> None:
    for number in range(_MOST_ROUNDS):
        started = time.perf_counter()
        one()
        now = time.perf_counter()
        if number + 1 >= _ROUNDS and now + (now - started) > until:
            return


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    name, seconds, *engines = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is not an answer
    from tfloss.training.program.xla import prepare_xla

    prepare_xla()
    import tensorflow as tf

    for jit in (False, True):  # what TensorFlow does once is nobody's
        tf.function(lambda x: x @ x, jit_compile=jit, autograph=False)(tf.ones((8, 8))).numpy()
    print(json.dumps(measure(name, float(seconds), engines or None)), file=answers, flush=True)


if __name__ == "__main__":
    main()
