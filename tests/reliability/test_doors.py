"""What docs/reliability.md promises of checkpoints, at each door that keeps some."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys

import numpy as np
import pytest

import tfloss
from tests.reliability.doors import DATA, DOORS, EPOCHS, Cut, Power, X, Y, network
from tfloss.errors import UsageError
from tfloss.io import checked_npz
from tfloss.io.lock import FolderLock

every_door = pytest.mark.parametrize("door", list(DOORS))


@pytest.fixture(scope="module")
def whole():
    """The weights of a training that nothing interrupts, by door."""
    found = {}
    return lambda door: found.setdefault(door, DOORS[door](None, [Power()]))


def same(one, other):
    for own, others in zip(one, other, strict=True):
        np.testing.assert_array_equal(own, others)


def cut_off(door, folder):
    """A training that ends in its third epoch; returns its newest checkpoint."""
    with pytest.raises(Cut):
        DOORS[door](folder, [Power(2)])
    return max(path for path in folder.glob("*-*.npz") if path.name != "start.npz")


@every_door
def test_resumed_to_the_same_bytes(door, whole, tmp_path):
    cut_off(door, tmp_path)
    watch = Power()
    same(DOORS[door](tmp_path, [watch]), whole(door))
    assert watch.seen < EPOCHS, "it began again"


@every_door
def test_a_damaged_checkpoint_gives_way_to_the_one_before(door, whole, tmp_path):
    newest = cut_off(door, tmp_path)
    content = newest.read_bytes()
    newest.write_bytes(content[: len(content) // 2])
    with pytest.warns(UserWarning, match="The checkpoint before it is taken"):
        same(DOORS[door](tmp_path, [Power()]), whole(door))


class Hostile:
    def __reduce__(self):
        return (os.mkdir, ("ran",))


@every_door
def test_a_pickle_in_place_of_a_checkpoint_is_not_run(door, whole, tmp_path, monkeypatch):
    newest = cut_off(door, tmp_path / "kept")
    monkeypatch.chdir(tmp_path)
    with newest.open("wb") as file:
        np.savez(file, values=np.array([Hostile()], dtype=object))
    with pytest.warns(UserWarning, match="The checkpoint before it is taken"):
        same(DOORS[door](tmp_path / "kept", [Power()]), whole(door))
    assert not (tmp_path / "ran").exists()


@every_door
@pytest.mark.filterwarnings("ignore:The checkpoint of")
def test_a_full_disk_costs_the_checkpoint_and_not_the_training(door, whole, tmp_path, monkeypatch):
    write = checked_npz.write_whole

    def full(path, fill):
        if path.name != "start.npz":
            raise OSError(28, "No space left on device")
        write(path, fill)

    monkeypatch.setattr(checked_npz, "write_whole", full)
    with pytest.warns(UserWarning, match="cannot be written .* No space left on device"):
        same(DOORS[door](tmp_path, [Power()]), whole(door))


@every_door
def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_trained(door, tmp_path):
    (tmp_path / "file").write_text("")
    watch = Power()
    with pytest.raises(UsageError, match="cannot be"):
        DOORS[door](tmp_path / "file" / "kept", [watch])
    assert watch.seen == 0


@every_door
def test_the_second_process_is_told_and_changes_nothing(door, tmp_path):
    cut_off(door, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.glob("*.npz")}
    other = FolderLock(tmp_path, "is training")
    other.acquire()
    try:
        with pytest.raises(UsageError, match=r"Another process .* is training in"):
            DOORS[door](tmp_path, [Power()])
    finally:
        other.release()
    assert {path: path.read_bytes() for path in tmp_path.glob("*.npz")} == before


@every_door
def test_another_training_is_refused(door, tmp_path):
    cut_off(door, tmp_path)
    with pytest.raises(UsageError, match=r"another training:\n  formula: "):
        DOORS[door](tmp_path, [Power()], formula="bce + 0.2*mae")


@every_door
def test_killed_until_it_is_done(door, tmp_path, full_size):
    """kill -9 at random moments: what is left is gone on with, to the bytes of a whole training."""
    if not full_size:
        pytest.skip("TFLOSS_TEST_SIZE=full")
    command = [sys.executable, "-m", "tests.reliability.doors", door]
    whole = subprocess.run([*command, tmp_path / "whole"], capture_output=True, check=True)
    moments, kills, done = random.Random(0), 0, ""
    while not done:
        process = subprocess.Popen([*command, tmp_path / "kept"], stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"begins\n"
        try:
            out, _ = process.communicate(timeout=moments.uniform(0.2, 4) if kills < 20 else None)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += 1
        else:
            assert process.returncode == 0
            done = out
    assert done.split()[-1] == whole.stdout.split()[-1]
    assert not list((tmp_path / "kept").rglob(".writing-*"))
    print(f"{door}: killed {kills} times, the same bytes")


def test_search_and_compare_refuse_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    for call in (
        lambda: tfloss.compare(["bce"], (X, Y), seeds=2, runs=tmp_path / "file" / "runs"),
        lambda: tfloss.search("bce + {0..1}*mae", (X, Y), trials=1, runs=tmp_path / "file"),
    ):
        with pytest.raises(UsageError, match=r"file"):
            call()


def test_nothing_of_a_teacher_is_lost_where_its_cache_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    cache = tmp_path / "file" / "cache"
    result = tfloss.fit("bce + kl", DATA, network(), teacher="lr", cache=cache, epochs=1)
    assert "Not kept in the cache" in " ".join(result.teachers["teacher"].notes)
