"""What the guard against NaN costs a training in which there is none.

    python -m tests.benchmarks.guard [--workloads A B] [--rounds 21]

Before every chunk the guard keeps the weights as they are; the last thing that the chunk's program
does is to look whether all weights are finite. The share is the time of these two, the second as a
program of its own, over that of a chunk of a long training, one after the other in every round.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from tests.benchmarks.workloads import FORMULA, LEARNING_RATE, WORKLOADS, Workload


def shares(workload: Workload, rounds: int) -> np.ndarray:
    """The guard's share of a chunk's time, one for each round."""
    import keras
    import tensorflow as tf

    import tfloss
    from tests.benchmarks.peers_tensorflow import _model
    from tfloss.data import Columns
    from tfloss.objective import Entry, Objective, Scope
    from tfloss.student import wrap_model
    from tfloss.training.loop.chunk_size import epochs_per_chunk
    from tfloss.training.loop.in_memory import Engine
    from tfloss.training.program.batch import as_tensors
    from tfloss.training.program.forward import StudentLoss

    outside = [Entry(n, "data", (None, 1), known_outside=True) for n in ("labels", "teacher")]
    student = wrap_model(_model(workload))
    objective = Objective(FORMULA, tfloss.load_registry(), student.scope() | Scope(outside))
    columns = workload.columns()
    engine = Engine(
        StudentLoss(student, objective),
        keras.optimizers.SGD(LEARNING_RATE),
        as_tensors(Columns({n: c[: workload.rows] for n, c in columns.items()}), objective.needs),
        as_tensors(Columns({n: c[workload.rows :] for n, c in columns.items()}), objective.needs),
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

    order = order_of(epochs_per_chunk(engine, 10**9))
    engine.run(order, 0)  # compiles
    start = engine.start(tf.constant(0))
    look = tf.function(engine.end, jit_compile=True, autograph=False)
    look(start)
    found = []
    for _ in range(rounds):
        chunk = seconds(lambda: engine.run(order, 0))
        guard = seconds(engine.snapshot) + seconds(lambda: look(start))
        found.append(guard / chunk)
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--workloads", nargs="+", default=["A", "B"], choices=list(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=21)
    options = parser.parse_args()
    for name in options.workloads:
        found = np.sort(shares(WORKLOADS[name], options.rounds))
        low, high = np.quantile(found, (0.25, 0.75))
        print(f"{name}: {np.median(found):.2%} of a chunk (quartiles {low:.2%}, {high:.2%})")


if __name__ == "__main__":
    main()
