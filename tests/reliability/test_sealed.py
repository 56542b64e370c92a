"""Files that know their own digest, and how often they are written."""

from __future__ import annotations

import random

import ml_dtypes
import numpy as np
import pytest

from tfloss.errors import DataError, UsageError
from tfloss.io.checked_npz import digest_of, read_sealed, write_sealed
from tfloss.training.checkpoints import interval as cadence
from tfloss.training.checkpoints.interval import Cadence, Every, parse_every

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
    write_sealed(tmp_path / "a.npz", ARRAYS, {"step": np.float32(1.5), "none": None})
    arrays, about = read_sealed(tmp_path / "a.npz")
    assert same(arrays, ARRAYS)
    assert about == {"step": 1.5, "none": None}
    assert digest_of(arrays) == digest_of(ARRAYS)
    assert digest_of({**ARRAYS, "scalar": np.array(3.0)}) != digest_of(ARRAYS)


@pytest.mark.parametrize("how", ["flip", "cut"])
def test_damage_is_noticed(tmp_path, how, full_size):
    """Refused, or the content is the same (bytes between the archive's members mean nothing)."""
    path, about = tmp_path / "a.npz", {"step": 1}
    write_sealed(path, ARRAYS, about)
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
            arrays, said = read_sealed(path)
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
        ("never", Every()),
        ("90s", Every(seconds=90)),
        ("1.5h", Every(seconds=5400)),
        ("10epochs", Every(epochs=10)),
        ("1 epoch", Every(epochs=1)),
        ("1000steps", Every(steps=1000)),
    ],
)
def test_how_often(text, every):
    assert parse_every(text) == every


@pytest.mark.parametrize("text", ["", "60", "0s", "1.5epochs", "0steps", "-5m", "soon", "5 days"])
def test_how_often_not(text):
    with pytest.raises(UsageError, match="say auto, never"):
        parse_every(text)


def test_auto_takes_a_hundredth_of_the_time_at_most(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(cadence.time, "monotonic", lambda: now[0])
    one = Cadence(parse_every("auto"), steps_per_epoch=10)
    assert not one.due(10**9)
    now[0] += 60
    assert one.due(1)
    one.saved(1, took=5.0)  # a large model
    now[0] += 499
    assert not one.due(2)
    now[0] += 1
    assert one.due(2)


def test_steps_and_epochs_are_counted_from_where_the_training_begins():
    one = Cadence(parse_every("2epochs"), steps_per_epoch=10, step=50)
    assert not one.due(69)
    assert one.due(70)
    one.saved(75, took=9.0)
    assert not one.due(94)
    assert one.due(95)
