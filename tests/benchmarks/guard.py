"""What the guard against NaN costs a training in which there is none.

    python -m tests.benchmarks.guard [--workloads A B] [--rounds 21]

Chunks as `tfloss.fit` makes them, with and without the guard around them, one after the other in
one process; a ratio compares the two timings of one round.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from tests.benchmarks.workloads import FORMULA, LEARNING_RATE, WORKLOADS, Workload

_SECONDS = 0.5  # of a chunk, as in `tfloss.training.loop`


def ratios(workload: Workload, rounds: int) -> np.ndarray:
    """The time of a guarded chunk over that of a plain one, one for each round."""
    import keras

    import tfloss
    from tests.benchmarks.peers_tensorflow import _model
    from tfloss.objective import Entry, Objective, Scope
    from tfloss.student import wrap_model
    from tfloss.training.columns import Columns
    from tfloss.training.engine import Engine
    from tfloss.training.guard import Guard
    from tfloss.training.loop import chunk_batches
    from tfloss.training.measure import Measure

    outside = [Entry(n, "data", (None, 1), known_outside=True) for n in ("labels", "teacher")]
    student = wrap_model(_model(workload))
    objective = Objective(FORMULA, tfloss.load_registry(), student.scope() | Scope(outside))
    columns = workload.columns()
    engine = Engine(
        Measure(student, objective),
        keras.optimizers.SGD(LEARNING_RATE),
        Columns({name: column[: workload.rows] for name, column in columns.items()}),
        Columns({name: column[workload.rows :] for name, column in columns.items()}),
        batch_size=workload.batch,
        compile="xla",
    )

    def order_of(epochs: int) -> np.ndarray:
        generator = np.random.default_rng(0)
        rows = np.tile(np.arange(workload.rows, dtype=np.int32), (epochs, 1))
        return generator.permuted(rows, axis=1)

    def seconds(work) -> float:  # type: ignore[no-untyped-def]
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    order = order_of(2)
    engine.run(order, 0)
    each = seconds(lambda: engine.run(order, 0)) / len(order)
    order = order_of(max(2, round(_SECONDS / each)))
    engine.run(order, 0)  # compiles for this shape
    guard = Guard(engine)

    def plain() -> None:
        engine.run(order, 0)

    def guarded() -> None:
        guard(lambda care: engine.run(order, 0, care=care), chunk_batches(engine, order, 0))

    found = []
    for number in range(rounds):
        pair = (plain, guarded) if number % 2 else (guarded, plain)
        times = {work: seconds(work) for work in pair}
        found.append(times[guarded] / times[plain])
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--workloads", nargs="+", default=["A", "B"], choices=list(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=21)
    options = parser.parse_args()
    for name in options.workloads:
        found = np.sort(ratios(WORKLOADS[name], options.rounds))
        low, high = np.quantile(found, (0.25, 0.75))
        print(
            f"{name}: {np.median(found):.4f} of the time without (quartiles {low:.4f}, {high:.4f})"
        )


if __name__ == "__main__":
    main()
