"""Names of checkpoints, which of them stay, and when the next is due."""

from __future__ import annotations

import numpy as np
import pytest

from tfloss.errors import DataError
from tfloss.io.checked_npz import write_checked
from tfloss.training.checkpoints.interval import SaveSchedule, parse_interval
from tfloss.training.checkpoints.names import EPOCHS, STEPS
from tfloss.training.checkpoints.newest import read_newest


@pytest.mark.parametrize(
    ("series", "name"), [(STEPS, "step-000000000042.npz"), (EPOCHS, "epoch-000000042.npz")]
)
def test_the_newest_two_stay(tmp_path, series, name):
    assert series.path(tmp_path, 42).name == name
    assert series.newest(tmp_path) == 0
    assert series.files(tmp_path) == []
    for number in (9, 100, 11, 2):
        series.path(tmp_path, number).touch()
    (tmp_path / "start.npz").touch()
    assert series.newest(tmp_path) == 100
    series.remove_old(tmp_path)
    assert series.files(tmp_path) == [series.path(tmp_path, 11), series.path(tmp_path, 100)]
    series.remove_old(tmp_path)
    assert len(series.files(tmp_path)) == 2
    assert (tmp_path / "start.npz").exists()


def test_the_newest_that_can_be_read_is_taken(tmp_path):
    assert read_newest([], tmp_path) is None
    for number in (1, 2):
        write_checked(STEPS.path(tmp_path, number), {"a": np.array([number])}, {"n": number})
    arrays, about = read_newest(STEPS.files(tmp_path), tmp_path)
    assert (arrays["a"].tolist(), about) == ([2], {"n": 2})
    STEPS.path(tmp_path, 2).write_bytes(b"nothing")
    with pytest.warns(UserWarning, match="The checkpoint before it is taken") as told:
        _, about = read_newest(STEPS.files(tmp_path), tmp_path)
    assert about == {"n": 1}
    assert len(told) == 1
    STEPS.path(tmp_path, 1).write_bytes(b"nothing")
    with (
        pytest.warns(UserWarning, match="is taken"),
        pytest.raises(DataError, match="No checkpoint in"),
    ):
        read_newest(STEPS.files(tmp_path), tmp_path)


def test_a_call_ends_where_a_checkpoint_is_due():
    one = SaveSchedule(parse_interval("7steps"), steps_per_epoch=10, step=50)
    assert one.max_steps_per_call == 7
    assert [one.steps_until_due(step) for step in (50, 53, 56, 57, 60)] == [7, 4, 1, 1, 1]
    one.saved(57, took=0.0)
    assert one.steps_until_due(57) == 7
    epochs = SaveSchedule(parse_interval("3epochs"), steps_per_epoch=10)
    assert epochs.max_steps_per_call == epochs.steps_until_due(0) == 30


@pytest.mark.parametrize("text", ["auto", "never", "90s"])
def test_where_time_decides_a_call_has_any_number_of_steps(text):
    one = SaveSchedule(parse_interval(text), steps_per_epoch=10)
    assert one.max_steps_per_call is None
    assert one.steps_until_due(10**9) is None


def test_never_is_never(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    one = SaveSchedule(parse_interval("never"), steps_per_epoch=10)
    said = SaveSchedule(parse_interval("90s"), steps_per_epoch=10)
    now[0] = 89.0
    assert not said.should_save(10**9)
    now[0] = 90.0
    assert said.should_save(0)
    said.saved(0, took=80.0)  # whoever says how often gets it, whatever that costs
    now[0] = 180.0
    assert said.should_save(1)
    now[0] = 1e9
    assert not one.should_save(10**9)
