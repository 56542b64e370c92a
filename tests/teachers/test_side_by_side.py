"""Fits side by side: the same bytes as one by one, and one thread of BLAS for small matrices."""

import threading
from typing import ClassVar

import pytest
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_info, threadpool_limits

from tfloss.data import load_dataset, prepare
from tfloss.errors import PluginError
from tfloss.registry import load_registry
from tfloss.teachers import fit_teachers
from tfloss.teachers.fitting.side_by_side import SMALL_ROWS, safe_in_threads, side_by_side

REGISTRY = load_registry()
SEVERAL = [
    "a=gpc",
    "b=rf:n_estimators=20",
    "c=svc",
    "d=lr",
    "e=mlp:max_iter=20",
    "f=hgb:max_iter=5",
]


@pytest.fixture(scope="module")
def data():
    return prepare(load_dataset("breast_cancer", REGISTRY), train_size=120)


def threads_of(kind):
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == kind}


def test_the_same_bytes_as_one_by_one(data):
    together, alone = (fit_teachers(SEVERAL, data, REGISTRY, n_jobs=jobs) for jobs in (4, 1))
    for alias, teacher in alone.items():
        for split in ("train", "holdout"):
            for name, values in teacher.tensors(split).items():
                same = together[alias].tensors(split)[name]
                assert same.tobytes() == values.tobytes(), name
        assert together[alias].scores == teacher.scores
        assert together[alias].notes == teacher.notes
        assert teacher.origin == "cross"


def test_one_at_a_time_gives_what_all_give(data):
    together = fit_teachers(SEVERAL[:3], data, REGISTRY)
    for text in SEVERAL[:3]:
        ((alias, teacher),) = fit_teachers(text, data, REGISTRY).items()
        assert together[alias].predictions_train.tobytes() == teacher.predictions_train.tobytes()


@pytest.mark.parametrize(("rows", "expected"), [(SMALL_ROWS, {1}), (SMALL_ROWS + 1, {2})])
def test_one_thread_for_small_matrices(rows, expected):
    with threadpool_limits(2):
        seen = side_by_side([lambda: threads_of("blas"), lambda: threads_of("blas")], rows, 2)
        assert threads_of("blas") == {2}
    assert seen == [expected, expected]


def test_jobs_stand_side_by_side():
    both = threading.Barrier(2, timeout=60)
    assert sorted(side_by_side([both.wait, both.wait], 10, 2)) == [0, 1]


def test_large_ones_do_not():
    names = side_by_side([lambda: threading.current_thread().name] * 3, SMALL_ROWS + 1, 3)
    assert set(names) == {threading.current_thread().name}


def test_the_first_that_fails_is_told():
    later = threading.Event()

    def first():
        later.wait(60)
        raise ValueError("first")

    def second():
        later.set()
        raise ValueError("second")

    with pytest.raises(ValueError, match="first"):
        side_by_side([first, second], 10, 2)


class FailsOutOfFold(LogisticRegression):
    def fit(self, X, y, sample_weight=None):
        if len(X) < 120:
            raise ValueError("too few for me")
        return super().fit(X, y, sample_weight)


def test_a_fold_that_fails(data):
    with pytest.raises(PluginError, match="failed in fit on 96 rows: ValueError: too few for me"):
        fit_teachers(FailsOutOfFold(max_iter=1000), data, REGISTRY)


class Named(LogisticRegression):
    threads: ClassVar[set] = set()

    def fit(self, X, y, sample_weight=None):
        self.threads.add(threading.current_thread())
        return super().fit(X, y, sample_weight)


def test_estimators_of_others_are_fitted_one_by_one(data):
    assert not safe_in_threads(Named())
    assert safe_in_threads(LogisticRegression())
    fit_teachers(Named(max_iter=1000), data, REGISTRY, n_jobs=4)
    assert Named.threads == {threading.current_thread()}


def test_what_a_fold_warns_of_is_not_shown(data, recwarn):
    teacher = fit_teachers("lr:max_iter=1", data, REGISTRY)["teacher"]
    assert not [w for w in recwarn if "ConvergenceWarning" in str(w.category)]
    assert sum("ConvergenceWarning" in note for note in teacher.notes) == 1
