"""Asking about many rows in pieces."""

import joblib
import numpy as np
import pytest

from tfloss.teachers.fitting.batched import in_chunks

ROWS = np.random.default_rng(0).normal(size=(103, 3)).astype(np.float32)


def _double(piece):
    return {"": 2 * piece, "sum": piece.sum(axis=1, keepdims=True)}


@pytest.mark.parametrize("rows_at_once", [1, 10, 103, 1000])
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_pieces_come_together_in_order(rows_at_once, n_jobs):
    answers = in_chunks(_double, ROWS, rows=rows_at_once, n_jobs=n_jobs)
    np.testing.assert_array_equal(answers[""], 2 * ROWS)
    np.testing.assert_allclose(answers["sum"][:, 0], ROWS.sum(axis=1), atol=1e-6)
    assert answers[""].dtype == np.float32


def test_no_piece_is_larger_than_asked_for():
    sizes = []

    def note(piece):
        sizes.append((len(piece), piece.dtype))
        return _double(piece)

    in_chunks(note, ROWS, rows=25)
    assert [size for size, _ in sizes] == [25, 25, 25, 25, 3]
    assert {dtype for _, dtype in sizes} == {np.dtype(np.float64)}


def test_the_configured_backend_is_used():
    with joblib.parallel_config(backend="loky", n_jobs=2):
        answers = in_chunks(_double, ROWS, rows=25)
    np.testing.assert_array_equal(answers[""], 2 * ROWS)


def test_a_backend_that_gives_its_results_all_at_once():
    class Whole(joblib.parallel.ThreadingBackend):  # as ray's
        supports_return_generator = False

    joblib.register_parallel_backend("whole", Whole)
    seen = []
    with joblib.parallel_config(backend="whole", n_jobs=2):
        answers = in_chunks(_double, ROWS, rows=25, on_progress=seen.append)
    np.testing.assert_array_equal(answers[""], 2 * ROWS)
    assert seen == [25, 25, 25, 25, 3]
