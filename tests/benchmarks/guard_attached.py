"""What `attach`, and `on_nan`, cost Keras' `fit` in a training in which nothing is NaN.

    python -m tests.benchmarks.guard_attached [--workloads A B] [--rounds 15] [--steps 400]

A plain model, an attached one without the guard and one for each `on_nan` train in turn in every
round; a ratio compares two of one round. It is processor time, all threads together, which other
programs disturb less than the clock's.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from tests.benchmarks.workloads import LEARNING_RATE, WORKLOADS, Workload

POLICIES = ("stop", "skip", "lower")
PLAIN, BARE = "plain", "without the guard"


def model_of(workload: Workload, kind: str) -> Any:
    """A model of Keras, or attached: without the guard, or with a policy."""
    import keras

    import tfloss
    from tests.benchmarks.peers_tensorflow import _model

    optimizer = keras.optimizers.SGD(LEARNING_RATE)
    if kind == PLAIN:
        model = _model(workload)
        model.compile(optimizer, keras.losses.BinaryCrossentropy(from_logits=True))
        return model
    model = tfloss.attach(_model(workload), "bce", on_nan="stop" if kind == BARE else kind)
    model.compile(optimizer)
    if kind == BARE:
        guarded = model._guarded
        guarded.step = _unguarded_step
        guarded.around = lambda function: _unguarded(model, function)
    return model


def _unguarded_step(update: Any, logs: Any, batch: Any) -> Any:
    update()
    return logs()


def _unguarded(model: Any, function: Any) -> Any:
    def call(iterator: Any) -> Any:
        model.make_variables(lambda: iterator.element_spec)
        return function(iterator)

    return call


def ratios(workload: Workload, rounds: int, steps: int) -> dict[str, np.ndarray]:
    """Ratios of processor times by what is compared, one for each round."""
    columns = workload.columns()
    rows = (steps * workload.batch, *columns["inputs"].shape[1:])
    generator = np.random.default_rng(0)
    x = generator.normal(size=rows).astype("float32")
    y = generator.integers(0, 2, (len(x), 1))
    models = {name: model_of(workload, name) for name in (PLAIN, BARE, *POLICIES)}
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for number in range(rounds + 1):
        for name, model in models.items():
            start = time.process_time()
            model.fit(x, y, batch_size=workload.batch, verbose=0)
            if number:  # the first compiles
                seconds[name].append(time.process_time() - start)
    found = {name: np.array(each) for name, each in seconds.items()}
    guarded = {f"on_nan={name}": found[name] / found[BARE] for name in POLICIES}
    return {**guarded, "attached, beside plain Keras": found["stop"] / found[PLAIN]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--workloads", nargs="+", default=["A", "B"], choices=["A", "B", "C"])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=400)
    options = parser.parse_args()
    for name in options.workloads:
        for what, found in ratios(WORKLOADS[name], options.rounds, options.steps).items():
            low, middle, high = np.quantile(found, [0.25, 0.5, 0.75])
            print(f"{name} {what}: {middle:.2f} (quartiles {low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
