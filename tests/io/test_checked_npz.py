"""Files that know their own digest, and how often they are written."""

from __future__ import annotations

import random

import ml_dtypes
import numpy as np
import pytest

from tfloss.errors import DataError, UsageError
from tfloss.io import checked_npz
from tfloss.io.checked_npz import digest_of, read_checked, write_checked
from tfloss.training.checkpoints import interval
from tfloss.training.checkpoints.interval import SaveInterval, SaveSchedule, parse_interval

ARRAYS = {
    "weights": np.linspace(0, 1, 500, dtype=np.float32).reshape(20, 25),
    "half": np.arange(7).astype(ml_dtypes.bfloat16),
    "scalar": np.array(3, np.int64),
    "names": np.array(["a", "bé"]),
    "mask": np.array([True, False]),
    "empty": np.zeros((0, 3), np.float32),
}


def same(one, other):
    return {n: (a.dtype, a.shape, a.tobytes()) for n, a in one.items()} == {
        n: (a.dtype, a.shape, a.tobytes()) for n, a in other.items()
    }


def test_what_is_read_is_what_was_written(tmp_path):
    write_checked(tmp_path / "a.npz", ARRAYS, {"step": np.float32(1.5), "none": None})
    arrays, about = read_checked(tmp_path / "a.npz")
    assert same(arrays, ARRAYS)
    assert about == {"step": 1.5, "none": None}
    assert digest_of(arrays) == digest_of(ARRAYS)
    assert digest_of({**ARRAYS, "scalar": np.array(3.0)}) != digest_of(ARRAYS)


@pytest.mark.parametrize("how", ["flip", "cut"])
def test_damage_is_noticed(tmp_path, how, full_size):
    """Refused, or the content is the same (bytes between the archive's members mean nothing)."""
    path, about = tmp_path / "a.npz", {"step": 1}
    write_checked(path, ARRAYS, about)
    good, places, refused = path.read_bytes(), random.Random(0), 0
    for _ in range(200 if full_size else 60):
        place = places.randrange(len(good))
        bad = bytearray(good)
        if how == "flip":
            bad[place] ^= 1 << places.randrange(8)
        else:
            bad = bad[:place]
        path.write_bytes(bad)
        try:
            arrays, said = read_checked(path)
        except DataError as error:
            assert str(path) in str(error)
            refused += 1
        else:
            assert same(arrays, ARRAYS)
            assert said == about
    assert refused > 20


@pytest.mark.parametrize(
    ("text", "every"),
    [
        ("never", SaveInterval()),
        ("90s", SaveInterval(seconds=90)),
        ("1.5h", SaveInterval(seconds=5400)),
        ("10epochs", SaveInterval(epochs=10)),
        ("1 epoch", SaveInterval(epochs=1)),
        ("1000steps", SaveInterval(steps=1000)),
    ],
)
def test_how_often(text, every):
    assert parse_interval(text) == every


@pytest.mark.parametrize("text", ["", "60", "0s", "1.5epochs", "0steps", "-5m", "soon", "5 days"])
def test_how_often_not(text):
    with pytest.raises(UsageError, match="say auto, never"):
        parse_interval(text)


def test_auto_takes_a_hundredth_of_the_time_at_most(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(interval.time, "monotonic", lambda: now[0])
    one = SaveSchedule(parse_interval("auto"), steps_per_epoch=10)
    assert not one.should_save(10**9)
    now[0] += 60
    assert one.should_save(1)
    one.saved(1, took=5.0)  # a large model
    now[0] += 499
    assert not one.should_save(2)
    now[0] += 1
    assert one.should_save(2)


def test_steps_and_epochs_are_counted_from_where_the_training_begins():
    one = SaveSchedule(parse_interval("2epochs"), steps_per_epoch=10, step=50)
    assert not one.should_save(69)
    assert one.should_save(70)
    one.saved(75, took=9.0)
    assert not one.should_save(94)
    assert one.should_save(95)


@pytest.mark.parametrize("name", ["finfo", "float64", "object", "../bfloat16", "__name__"])
def test_a_file_names_small_floats_and_nothing_else(tmp_path, name, monkeypatch):
    """Its digest is right: whoever forges a file computes it."""
    values = np.arange(4, dtype=np.uint16)
    dumps = checked_npz.json.dumps
    forged = [dumps({"epoch": 1}), dumps({"w": name})]
    monkeypatch.setattr(checked_npz.json, "dumps", lambda *_, **__: forged.pop(0))
    write_checked(tmp_path / "a.npz", {"w": values}, {})
    with pytest.raises(DataError, match="there is no small float"):
        read_checked(tmp_path / "a.npz")
