"""A cache that cannot be written never ends a training: told once, at every door."""

from __future__ import annotations

import errno
import os
import warnings

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.naive_bayes import GaussianNB

import tfloss
from tests.cli.running import tfloss as command
from tfloss.comparison.replicates import seeds
from tfloss.comparison.replicates.seeds import prepare_seeds
from tfloss.data import load_dataset, prepare
from tfloss.errors import PluginError
from tfloss.teachers import fit_teachers
from tfloss.training.config import Config

TOLD = r"cache '.*' cannot be written"


@pytest.fixture
def taken(tmp_path):
    """A path at which a file is."""
    (tmp_path / "file").write_text("no folder")
    return tmp_path / "file"


def no_room(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def no_right(*_, **__):
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def read_only(*_, **__):
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def told(caught):
    return [str(one.message) for one in caught if "cannot be written" in str(one.message)]


@pytest.mark.parametrize("failing", [no_room, no_right, read_only])
@pytest.mark.parametrize("where", ["write_whole", "Path.mkdir"])
def test_whatever_the_reason(failing, where, registry, tmp_path, monkeypatch, recwarn):
    data = prepare(load_dataset("iris", registry), train_fraction=0.6)
    alone = fit_teachers("nb", data, registry)["teacher"]
    monkeypatch.setattr(f"tfloss.teachers.cache.{where}", failing)
    for _ in range(2):
        teacher = fit_teachers("nb", data, registry, cache=tmp_path / "cache")["teacher"]
    assert len(told(recwarn)) == 1
    np.testing.assert_array_equal(teacher.predictions_train, alone.predictions_train)


@pytest.mark.parametrize("below", ["", "cache", "deep/er"])
def test_a_file_stands_in_its_place(below, taken, registry):
    data = prepare(load_dataset("iris", registry), train_fraction=0.6)
    with pytest.warns(UserWarning, match="'.*file' is a file"):
        fit_teachers("nb", data, registry, cache=taken / below)


def test_it_is_told_before_anything_is_fitted(taken, registry, monkeypatch, recwarn):
    data = prepare(load_dataset("iris", registry), train_fraction=0.6)
    monkeypatch.setattr(GaussianNB, "fit", no_room)
    with pytest.raises(PluginError, match="No space"):
        fit_teachers("nb", data, registry, cache=taken)
    assert len(told(recwarn)) == 1


def test_a_cache_that_holds_everything_need_not_be_writable(registry, tmp_path, monkeypatch):
    data = prepare(load_dataset("iris", registry), train_fraction=0.6)
    fit_teachers("nb", data, registry, cache=tmp_path)
    monkeypatch.setattr("tfloss.teachers.cache.os.access", lambda *_: False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        teacher = fit_teachers("nb", data, registry, cache=tmp_path)["teacher"]
    assert "come from the cache" in teacher.notes[-1]


# -- every door ------------------------------------------------------------------------------------

SMALL = ("--train-size", "30", "--epochs", "1", "--quiet", "--teacher", "nb")


def train(cache, folder):
    answer = command("train", "--loss", "bce + kl", *SMALL, "--cache", cache, "--runs", folder)
    assert answer.code == 0, answer.err


def fit(cache, folder):
    data = tfloss.load_data("iris", train_size=30)
    tfloss.fit("ce + kl", data, "mlp:3", teacher="nb", epochs=1, cache=cache)


def network():
    import keras

    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])


def attach(cache, folder):
    x, y = load_iris(return_X_y=True)
    model = tfloss.attach(network(), "ce + kd", teacher=GaussianNB(), cache=cache)
    model.compile("adam")
    model.fit(x, y, epochs=1, verbose=0)


def estimator(cache, folder):
    from tfloss.sklearn import DistilledClassifier

    x, y = load_iris(return_X_y=True)
    DistilledClassifier("ce + kd", GaussianNB(), hidden=(2,), epochs=1, cache=cache).fit(x, y)


def compare(cache, folder):
    answer = command(
        "compare", "bce + kl", "--seeds", "3", *SMALL, "--cache", cache, "--runs", folder
    )
    assert answer.code == 0, answer.err


def search(cache, folder):
    few = ("--trials", "1", "--seeds", "2", "--confirm", "2", "--runs", folder)
    os.environ["TFLOSS_CACHE"] = str(cache)
    try:
        answer = command("search", "bce + {0.1..1}*kl", *SMALL, *few)
    finally:
        del os.environ["TFLOSS_CACHE"]
    assert answer.code == 0, answer.err


@pytest.mark.parametrize("door", [train, fit, attach, estimator, compare, search])
def test_at_every_door(door, taken, tmp_path, full_size):
    if door in (compare, search) and not full_size:
        pytest.skip("both prepare their seeds, which the next test does")
    with pytest.warns(UserWarning, match=TOLD) as caught:
        door(taken, tmp_path / "runs")
    assert len(told(caught)) == 1


@pytest.mark.parametrize("worth", [0.0, 1e9])  # in processes of their own, or here
def test_once_for_all_seeds(worth, taken, registry, monkeypatch, full_size):
    if not worth and not full_size:
        pytest.skip(
            "two processes that import scikit-learn; what they hand back: test_warn_once.py"
        )
    monkeypatch.setattr(seeds, "_WORTH_PROCESSES", worth)
    config = Config(formula="bce + kl", train_size=30, teacher=("nb",))
    with pytest.warns(UserWarning, match=TOLD) as caught:
        made, _ = prepare_seeds(config, range(4), registry, cache=taken)
    assert len(made) == 4
    assert len(told(caught)) == 1
