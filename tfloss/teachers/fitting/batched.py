"""Asking about many rows: in chunks, so that memory stays bounded, and in parallel."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from tfloss.data import rows_at_once
from tfloss.teachers.fitting.side_by_side import one_thread_where_small

Predictions = dict[str, np.ndarray]
OnRows = Callable[[int], None]


def in_chunks(
    answer: Callable[[np.ndarray], Predictions],
    inputs: np.ndarray,
    *,
    n_jobs: int | None = None,
    rows: int | None = None,
    on_progress: OnRows | None = None,
) -> Predictions:
    """Call `answer` on pieces of `inputs`, and put its predictions together as float32.

    joblib runs the pieces: in threads, or by whatever backend `joblib.parallel_config` says.

    Args:
        answer: from (m, d) float64 rows to arrays by name, (m, …) each.
        inputs: (n, d), an array or sparse rows.
        n_jobs: as joblib counts them; None: one, or what `joblib.parallel_config` says.
        rows: per piece; default: see `tfloss.data.rows_at_once`.
        on_progress: called after each piece with its number of rows.
    """
    from joblib import delayed

    rows = rows or rows_at_once(int(np.prod(inputs.shape[1:])))
    total = inputs.shape[0]  # sparse rows have no length
    starts = range(0, max(total, 1), rows)
    pieces = (inputs[at : at + rows] for at in starts)
    run = _parallel(n_jobs)
    together: Predictions = {}
    with warnings.catch_warnings(), one_thread_where_small(total):
        warnings.simplefilter("ignore")
        for at, part in zip(
            starts, run(delayed(_as_float64)(answer, p) for p in pieces), strict=True
        ):
            for name, values in part.items():
                if name not in together:
                    together[name] = np.empty((total, *values.shape[1:]), dtype=np.float32)
                together[name][at : at + len(values)] = values
            if on_progress is not None:
                on_progress(min(rows, total - at))
    return together


def _parallel(n_jobs: int | None) -> Any:
    """joblib's `Parallel`, giving results as they come where its backend can (ray's cannot)."""
    from joblib import Parallel

    try:
        return Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")
    except ValueError:
        return Parallel(n_jobs=n_jobs, prefer="threads")


def _as_float64(answer: Callable[[np.ndarray], Predictions], piece: np.ndarray) -> Predictions:
    """Kernels lose digits in float32, so each piece is widened, one at a time."""
    return answer(piece if hasattr(piece, "tocsr") else np.asarray(piece, dtype=np.float64))
