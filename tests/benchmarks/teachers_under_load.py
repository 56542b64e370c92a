"""Seconds to fit a teacher while other processes keep the processors busy.

    python -m tests.benchmarks.teachers_under_load
    python -m tests.benchmarks.teachers_under_load --busy 0 2 --teacher gpc --repeat 3

Each time is that of a new Python process, `tfloss.teachers.fit_teachers` alone, imports left out.
`--one-by-one` fits the folds one after the other, and `--blas N` gives BLAS N threads by
OPENBLAS_NUM_THREADS, to tell what each is worth.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

BUSY = "while True: pass"
TIMED = """
import sys, time
import sklearn.gaussian_process, sklearn.model_selection, sklearn.ensemble
import tfloss
from tfloss.registry import load_registry
from tfloss.teachers import fit_teachers
data, registry = tfloss.load_data(sys.argv[2]), load_registry()
started, used = time.perf_counter(), time.process_time()
fit_teachers(sys.argv[1], data, registry, n_jobs=int(sys.argv[3]) or None)
print(time.perf_counter() - started, time.process_time() - used)
"""


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many processes that never rest."""
    processes = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def timed(teacher: str, data: str, n_jobs: int, blas: int | None) -> tuple[float, float]:
    """Seconds on the clock and of the processors, of a new process."""
    threads = {} if blas is None else {"OPENBLAS_NUM_THREADS": str(blas)}
    done = subprocess.run(
        [sys.executable, "-c", TIMED, teacher, data, str(n_jobs)],
        env=os.environ | threads,
        capture_output=True,
        text=True,
        check=True,
    )
    clock, processor = map(float, done.stdout.split())
    return clock, processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--teacher", default="gpc")
    parser.add_argument("--data", default="breast_cancer")
    parser.add_argument("--busy", type=int, nargs="+", default=[0, 2])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--one-by-one", action="store_true")
    parser.add_argument("--blas", type=int)
    options = parser.parse_args()
    print(f"{options.teacher} on {options.data}, {os.cpu_count()} processors")
    print(f"load before: {os.getloadavg()[0]:.1f} processes that want a processor")
    for count in options.busy:
        with busy(count):
            times = [
                timed(options.teacher, options.data, int(options.one_by_one), options.blas)
                for _ in range(options.repeat)
            ]
        clock = [one[0] for one in times]
        processor = statistics.median(one[1] for one in times)
        print(
            f"{count} busy: median {statistics.median(clock):.2f} s "
            f"({min(clock):.2f} to {max(clock):.2f}), processors {processor:.2f} s"
        )


if __name__ == "__main__":
    main()
