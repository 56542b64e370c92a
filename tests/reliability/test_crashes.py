"""Killed, without room, without rights: what was whole stays, and what is left over goes."""

from __future__ import annotations

import os
import random
import resource
import tempfile
import time
from pathlib import Path

import pytest

from tests.cli.running import tfloss
from tests.reliability.writers import (
    ARTEFACTS,
    Checkpoint,
    child,
    kill_while_writing,
    numbers,
)
from tfloss.errors import UsageError
from tfloss.io.atomic import refuse_unwritable, remove_leftovers

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
NOBODY = 65534
GO_ON = ("checkpoint", "teachers' cache")  # say that they cannot be written, and work goes on


@pytest.fixture(params=list(ARTEFACTS))
def name(request):
    return request.param


def leftovers(folder):
    return sorted(folder.rglob(".writing-*"))


def open_to_others(folder):
    """pytest keeps its folders from others, who are asked to write here."""
    top = Path(tempfile.gettempdir())
    for path in (folder, *folder.parents):
        if top in path.parents and path.stat().st_uid == os.getuid():
            path.chmod(0o755)


def test_killed_at_any_moment(name, tmp_path, full_size):
    """What was reported as written is there, whole; a next start removes the rest."""
    (tmp_path / "clock").mkdir()
    started = time.perf_counter()
    ARTEFACTS[name]().write(tmp_path / "clock", 1)
    patience = 4 * (time.perf_counter() - started)
    moments, seen, cut, tmp_path = random.Random(0), 0, 0, tmp_path / "folder"
    tmp_path.mkdir()
    for number in range(100 if full_size else 12):
        artefact = ARTEFACTS[name]()
        reported = kill_while_writing(artefact, tmp_path, seen + 1, moments.uniform(0, patience))
        cut += bool(leftovers(tmp_path))
        reader = ARTEFACTS[name]()
        found = reader.read(tmp_path)
        assert found >= max([seen, *reported]), f"kill {number}: it went backwards"
        reader.start(tmp_path)
        assert leftovers(tmp_path) == []
        assert reader.read(tmp_path) == found
        seen = found
    assert seen > 0
    print(f"{name}: killed {number + 1} times, {cut} of them amid writing, version {seen}")


def test_no_room_on_the_disk(name, tmp_path, full_size):
    """A limit on the size of files, as a full disk is: a sentence, and the version before stays."""
    ARTEFACTS[name]().write(tmp_path, 3)
    moments = random.Random(1)
    for _ in range(20 if full_size else 5):
        limit = moments.randrange(0, 100_000)  # a version takes more

        def work(report, limit=limit):
            artefact = ARTEFACTS[name]()
            if name == "checkpoint":  # the training is under way
                artefact.write(tmp_path, 3)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            try:
                artefact.write(tmp_path, 4)
            except (OSError, UsageError):
                return
            if name not in GO_ON:
                raise AssertionError("it was written without room")

        pid, reader = child(work)
        numbers(reader)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        reader = ARTEFACTS[name]()
        reader.start(tmp_path)
        assert leftovers(tmp_path) == []
        assert reader.read(tmp_path) == 3


def test_no_right_to_write(name, tmp_path, full_size):
    """A folder that cannot be written: a sentence, and nothing is changed."""
    folder = tmp_path / "folder"
    folder.mkdir()
    ARTEFACTS[name]().write(folder, 3)
    ARTEFACTS[name]().read(folder)
    before = sorted(path.name for path in folder.rglob("*"))
    open_to_others(tmp_path)
    for path in [*folder.rglob("*"), folder]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    for _ in range(20 if full_size else 3):

        def work(report):
            if os.getuid() == 0:  # whom no permission stops
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            try:
                ARTEFACTS[name]().write(folder, 4)
            except (OSError, UsageError) as error:
                if name != "file":
                    assert isinstance(error, UsageError), repr(error)
                return
            if name != "teachers' cache":
                raise AssertionError("it was written without the right to")

        pid, reader = child(work)
        numbers(reader)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert sorted(path.name for path in folder.rglob("*")) == before
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert ARTEFACTS[name]().read(folder) == 3


@pytest.mark.parametrize("command", [["train", "--loss", "bce"], ["compare", "bce", "bce + l2"]])
def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_trained(command, tmp_path):
    (tmp_path / "file").write_text("")
    answer = tfloss(*command, "--runs", tmp_path / "file" / "runs")
    assert answer.code == 2
    assert "is not a folder" in answer.err
    open_to_others(tmp_path)
    tmp_path.chmod(0o555)

    def work(report):
        if os.getuid() == 0:
            os.setuid(NOBODY)
        refuse_unwritable(tmp_path / "runs")

    pid, reader = child(work)
    numbers(reader)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == UsageError.exit_code


def test_temporary_files_of_the_living_stay(tmp_path):
    """Another process may be at work in the same folder."""
    from tfloss.io import atomic as files

    living = tmp_path / f"{files._prefix()}abc.npz"
    elsewhere = tmp_path / ".writing-00000000-99999999-abc.npz"
    old = tmp_path / ".writing-00000000-99999999-old.npz"
    pid, reader = child(lambda report: None)
    numbers(reader)
    os.waitpid(pid, 0)
    dead = tmp_path / f".writing-{files._host()}-{pid}-abc.npz"
    for path in (living, elsewhere, old, dead):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    assert sorted(remove_leftovers(tmp_path)) == sorted([dead, old])
    assert living.exists()
    assert elsewhere.exists()


# -- two processes, one folder ---------------------------------------------------------------------


def test_the_second_process_is_told_and_changes_nothing(tmp_path):
    def work(report):
        artefact = Checkpoint()
        artefact.write(tmp_path, 5)
        report(5)
        os.read(gate, 1)  # until the other end is closed

    gate, release = os.pipe()
    pid, reader = child(lambda report: (os.close(release), work(report)))
    os.read(reader, 4)
    before = {path: path.read_bytes() for path in tmp_path.glob("*.npz")}
    with pytest.raises(UsageError, match=rf"Another process \({pid} on .*is training in"):
        Checkpoint().write(tmp_path, 6)
    assert {path: path.read_bytes() for path in tmp_path.glob("*.npz")} == before
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    os.close(release)
    assert Checkpoint().read(tmp_path) == 5  # a dead process holds no lock


def test_many_at_once_and_none_mixed(name, tmp_path, full_size):
    """Four processes write in one folder: every version that is read is one of theirs, whole."""
    if name == "checkpoint":
        pytest.skip("has a lock; see above")

    def work(report):
        for version in range(1, 40 if full_size else 8):
            ARTEFACTS[name]().write(tmp_path, version)

    for pid, reader in [child(work) for _ in range(4)]:
        numbers(reader)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert ARTEFACTS[name]().read(tmp_path) == (39 if full_size else 7)
    assert leftovers(tmp_path) == []


def test_a_checkpoint_that_cannot_be_written_lets_the_training_go_on(tmp_path, monkeypatch):
    artefact = Checkpoint()
    artefact.write(tmp_path, 1)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tfloss.training.checkpoints.manager.write_checked", full)
    with pytest.warns(UserWarning, match=r"step 2 cannot be written .* No space left"):
        artefact.write(tmp_path, 2)
    artefact.kept.__exit__(None, None, None)
    assert Checkpoint().read(tmp_path) == 1


def test_only_two_checkpoints_are_kept(tmp_path):
    artefact = Checkpoint()
    for version in range(1, 6):
        artefact.write(tmp_path, version)
    assert len(list(tmp_path.glob("step-*.npz"))) == 2
    artefact.kept.remove()
    assert not tmp_path.exists()
