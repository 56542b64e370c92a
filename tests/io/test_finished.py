"""What is needed until a run is finished, and was left by a kill, is swept by the next writer."""

from __future__ import annotations

import pytest
from filelock import FileLock

from tests.cli.running import tfloss
from tfloss.errors import UsageError
from tfloss.io.finished import sweep_finished
from tfloss.runs.folder import begin_run, unfinished_run
from tfloss.training.config import Config

KEPT = {
    "checkpoints": ("start.npz", "step-000000000100.npz", ".lock", ".lock-holder"),
    "replicates": ("fingerprint.json", "formula1-seeds0to4.npz", "worker0of2/unfinished-1.npz"),
    "teachers": ("teacher-0a1b2c.npz",),
}


def run_with(parent, name, part, *more, finished=True):
    folder = parent / name
    for file in (*KEPT[part], *more):
        (folder / part / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / part / file).write_bytes(b"x")
    if finished:
        (folder / "manifest.json").write_text("{}")
    return folder / part


@pytest.mark.parametrize("part", list(KEPT))
def test_what_a_finished_run_needs_no_longer_goes(part, tmp_path):
    finished = run_with(tmp_path, "a-1", part)
    going_on = run_with(tmp_path, "a-2", part, finished=False)
    begin_run(tmp_path, Config(formula="bce"))
    assert not finished.exists()
    assert (finished.parent / "manifest.json").exists()
    assert sum(path.is_file() for path in going_on.rglob("*")) == len(KEPT[part])


def test_what_somebody_else_put_there_stays_with_all_of_it(tmp_path):
    part = run_with(tmp_path, "a-1", "checkpoints", "model.safetensors")
    sweep_finished(tmp_path)
    assert sum(path.is_file() for path in part.rglob("*")) == len(KEPT["checkpoints"]) + 1


@pytest.mark.parametrize("held", ["a-1", "a-1/checkpoints"])
def test_a_living_process_is_left_alone(held, tmp_path):
    part = run_with(tmp_path, "a-1", "checkpoints")
    with FileLock(tmp_path / held / ".lock"):
        sweep_finished(tmp_path)
        assert part.exists()
    sweep_finished(tmp_path)
    assert not part.exists()


def test_links_are_not_followed(tmp_path):
    elsewhere = run_with(tmp_path / "elsewhere", "a-1", "checkpoints")
    (tmp_path / "runs" / "b-1").mkdir(parents=True)
    (tmp_path / "runs" / "b-1" / "manifest.json").write_text("{}")
    (tmp_path / "runs" / "b-1" / "checkpoints").symlink_to(elsewhere)
    sweep_finished(tmp_path / "runs")
    assert len(list(elsewhere.iterdir())) == len(KEPT["checkpoints"])


def test_resuming_a_finished_run_sweeps_it(tmp_path):
    part = run_with(tmp_path, "a-1", "checkpoints")
    with pytest.raises(UsageError, match="is finished"):
        unfinished_run(tmp_path / "a-1")
    assert not part.exists()


@pytest.mark.parametrize("parent", ["file", "nowhere"])
def test_no_folder_to_sweep(parent, tmp_path):
    (tmp_path / "file").write_text("")
    sweep_finished(tmp_path / parent)


def test_killed_after_the_manifest_was_written(tmp_path, monkeypatch):
    """As SIGKILL does: all that follows the manifest never happens."""
    from tfloss.training.checkpoints.manager import Checkpoints

    small = ("train", "--loss", "bce", "--train-size", "30", "--epochs", "1", "--quiet")

    def killed(self):
        raise SystemExit(137)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "remove", killed)
        assert tfloss(*small, "--runs", tmp_path).code == 137
    left = tmp_path / "breast_cancer-1" / "checkpoints"
    assert left.exists()
    assert tfloss(*small, "--runs", tmp_path).code == 0
    assert not left.exists()
    assert (tmp_path / "breast_cancer-2" / "manifest.json").exists()
