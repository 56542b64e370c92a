"""Fits side by side on the processors that there are, with the same results as one by one.

The threads of the linear algebra (BLAS) wait for each other at the end of every operation. On small
matrices, and wherever other programs keep a processor busy, waiting takes many times longer than
calculating; so small fits get one thread each, and threads of Python stand side by side instead.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from multiprocessing import parent_process
from typing import Any, TypeVar

T = TypeVar("T")

# Up to here a second thread of BLAS gains less than the smallest disturbance costs. The choice
# depends on the rows alone: another number of threads could change the last digit of a result.
SMALL_ROWS = 2000


def one_thread_where_small(rows: int) -> Any:
    """A context in which BLAS and OpenMP have one thread, if matrices have few rows."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1) if rows <= SMALL_ROWS else nullcontext()


def side_by_side(jobs: Sequence[Callable[[], T]], rows: int, n_jobs: int | None = None) -> list[T]:
    """The results of small jobs, in order; what they warn of is dropped.

    Args:
        jobs: each on at most `rows` rows, safe in threads.
        rows: of the largest; above `SMALL_ROWS`, jobs run one by one, and BLAS has all processors.
        n_jobs: as joblib counts; None: all processors, but one in a process that another started,
            since that has such processes for all of them.

    Raises:
        The exception of the first job, in order, that raised one.
    """
    from joblib import Parallel, delayed

    if n_jobs is None:
        n_jobs = -1 if parent_process() is None else 1
    if rows > SMALL_ROWS or len(jobs) < 2:
        n_jobs = 1
    # Around all threads: a process has one list of filters for warnings.
    with warnings.catch_warnings(), one_thread_where_small(rows):
        warnings.simplefilter("ignore")
        run = Parallel(n_jobs=n_jobs, require="sharedmem")
        done = run(delayed(_outcome)(job, rows) for job in jobs)
    for _, error in done:
        if error is not None:
            raise error
    return [result for result, _ in done]


def safe_in_threads(estimator: Any) -> bool:
    """Whether it and the estimators in it are scikit-learn's; of others nothing is known."""
    parts = [estimator]
    if hasattr(estimator, "get_params"):
        parts += [part for part in estimator.get_params().values() if hasattr(part, "fit")]
    return all(type(part).__module__.partition(".")[0] == "sklearn" for part in parts)


def _outcome(job: Callable[[], T], rows: int) -> tuple[Any, BaseException | None]:
    try:
        with _one_openmp_thread(rows):
            return job(), None
    except Exception as error:  # raised in order, so that the same one is seen every time
        return None, error


def _one_openmp_thread(rows: int) -> Any:
    """OpenMP counts its threads for each thread of Python, so each sets them for itself."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, user_api="openmp") if rows <= SMALL_ROWS else nullcontext()
