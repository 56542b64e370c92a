"""Predictions kept on disk: the same, found again, whole, and without pickles."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from tfloss.data import Table, load_dataset, prepare
from tfloss.registry import load_registry
from tfloss.teachers import fit_teachers

from .spies import Answers, Spy

REGISTRY = load_registry()


@pytest.fixture(scope="module")
def data():
    return prepare(load_dataset("iris", REGISTRY), train_fraction=0.6)


@pytest.fixture
def ask(data, tmp_path):
    Spy.forget()

    def ask(estimator, data=data, **how):
        how = {"cache": tmp_path / "cache", "seed": 0, **how}
        teacher = fit_teachers({"t": estimator}, data, REGISTRY, **how)["t"]
        fits = len(Spy.fitted_on)
        Spy.forget()
        return teacher, fits

    return ask


def test_the_second_time_nothing_is_fitted(ask, data):
    first, fits = ask(Spy())
    again, none = ask(Spy())
    assert (fits, none) == (6, 0)
    np.testing.assert_array_equal(first.predictions_train, again.predictions_train)
    np.testing.assert_array_equal(first.predictions_holdout, again.predictions_holdout)
    assert again.scores == first.scores
    assert "come from the cache" in again.notes[-1]
    inputs = data.holdout.inputs
    np.testing.assert_array_equal(again.predict(inputs), first.predict(inputs))  # fitted now


@pytest.mark.parametrize(
    "change",
    [
        {"estimator": Spy(C=2)},
        {"seed": 1},
        {"fit": "train"},
        {"rows": 50},
        {"calibrate": "sigmoid"},
        {"data": prepare(load_dataset("iris", REGISTRY), train_fraction=0.6, seed=1)},
        {"data": prepare(load_dataset("iris", REGISTRY), train_fraction=0.6, scale="none")},
    ],
)
def test_what_matters_is_in_the_key(ask, change):
    ask(Spy())
    _, fits = ask(**{"estimator": Spy(), **change})
    assert fits > 0


def test_the_callers_name_is_not(ask, data, tmp_path):
    ask(Spy())
    fit_teachers({"other": Spy()}, data, REGISTRY, cache=tmp_path / "cache")
    assert not Spy.fitted_on


def test_a_damaged_entry_is_made_again(ask, tmp_path):
    first, _ = ask(Spy())
    [path] = (tmp_path / "cache").iterdir()
    path.write_bytes(path.read_bytes()[:100])
    again, fits = ask(Spy())
    assert fits > 0
    np.testing.assert_array_equal(first.predictions_train, again.predictions_train)


def test_an_interrupted_entry_is_not_there_and_made_again(ask, tmp_path, monkeypatch):
    def half(path, **arrays):
        Path(path).write_bytes(b"PK\x03\x04 and so on")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez_compressed", half)
        with pytest.raises(KeyboardInterrupt):
            ask(Spy())
    assert not list((tmp_path / "cache").iterdir())
    _, fits = ask(Spy())
    assert fits > 0
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_nothing_is_pickled(ask, tmp_path):
    ask(Spy())
    [path] = (tmp_path / "cache").iterdir()
    with np.load(path, allow_pickle=False) as archive:
        assert {archive[name].dtype.kind for name in archive.files} <= {"f", "U"}


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("code from a pickle was run",))


@pytest.mark.parametrize("member", ["about", "digest", "train:prediction"])
def test_a_pickle_in_an_entry_is_not_opened(ask, tmp_path, member):
    ask(Spy())
    [path] = (tmp_path / "cache").iterdir()
    with np.load(path) as archive:
        arrays = dict(archive)
    np.savez(path, **{**arrays, member: np.array([Bomb()], dtype=object)})
    _, fits = ask(Spy())
    assert fits > 0


def test_what_cannot_be_hashed_is_not_kept(ask, tmp_path):
    teacher, _ = ask(Answers(lambda rows: np.full((rows, 3), 1 / 3)))
    assert "cannot be hashed" in teacher.notes[-1]
    assert not (tmp_path / "cache").exists()


def test_a_lesson_that_fails_leaves_nothing(ask, tmp_path):
    with pytest.raises(Exception, match="refuses a setting"):
        ask(Spy(C=-1))
    assert not (tmp_path / "cache").exists()


def test_the_environment_names_the_folder(data, tmp_path, monkeypatch):
    monkeypatch.setenv("TFLOSS_CACHE", str(tmp_path / "named"))
    fit_teachers("nb", data, REGISTRY)
    assert len(list((tmp_path / "named").iterdir())) == 1


def test_an_estimator_that_was_fitted_before_is_asked_once(ask, data, monkeypatch):
    known = LogisticRegression().fit(data.train.inputs, data.train.codes)
    first, _ = ask(known)
    monkeypatch.setattr(LogisticRegression, "predict_proba", None)
    again, _ = ask(known)
    np.testing.assert_array_equal(first.predictions_holdout, again.predictions_holdout)
    assert "come from the cache" in again.notes[-1]


def test_rows_that_are_alike_only_once_they_are_scaled_are_other_rows(tmp_path):
    """Neighbours in unscaled rows depend on the unit of each column."""
    random = np.random.default_rng(0)
    x = random.normal(size=(80, 2))
    y = (x[:, 0] + 0.3 * random.normal(size=80) > 0).astype(int)
    found = []
    for features in (x, x * [1.0, 100.0]):
        data = prepare(Table(features, y), seed=0)
        own = {"t": KNeighborsClassifier(5)}
        teacher = fit_teachers(own, data, REGISTRY, cache=tmp_path, inputs="unscaled")["t"]
        alone = fit_teachers(own, data, REGISTRY, inputs="unscaled")["t"]
        np.testing.assert_array_equal(teacher.predictions_train, alone.predictions_train)
        found.append(teacher.predictions_train)
    assert (found[0] != found[1]).any()
