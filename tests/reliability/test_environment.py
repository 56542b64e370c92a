"""Where it runs: without a home, in plain ASCII, with a clock that goes back, six at a time."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.running import tfloss as command
from tfloss.io import atomic
from tfloss.io.atomic import remove_leftovers
from tfloss.runs.folder import read_run
from tfloss.runs.tracking import Tracking
from tfloss.training.config import Config

SMALL = ("--train-size", "30", "--epochs", "2", "--quiet")
BARE = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "TMPDIR": "/nowhere"}


def bare(*arguments, cwd=None, **more):
    """The command in a process without a home, temporary folder and characters but ASCII."""
    kept = {k: v for k, v in os.environ.items() if k not in ("HOME", "MPLCONFIGDIR", "KERAS_HOME")}
    return subprocess.run(
        [sys.executable, "-c", "from tfloss.cli.main import main; main()", *map(str, arguments)],
        env={**kept, **BARE, **more},
        cwd=cwd,
        capture_output=True,
        check=False,
    )


# -- the surroundings ----------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [("losses", "huber"), ("losses",), ("train", "--loss", "bé")])
def test_a_terminal_that_knows_ascii_only(arguments):
    answer = bare(*arguments)
    assert answer.returncode == (2 if "train" in arguments else 0), answer.stderr
    assert b"Traceback" not in answer.stderr


def test_a_whole_training_without_any_of_it(tmp_path, full_size):
    if not full_size:
        pytest.skip("a process that imports TensorFlow; its parts are tested apart")
    place = tmp_path / "a folder\N{FIRE} of\nlines"
    place.mkdir()
    iris = "a,b,name of the class\n" + "".join(f"{n},{n % 7},é{n % 2}\n" for n in range(60))
    (place / "my \N{FIRE} rows.csv").write_text(iris, encoding="utf-8")
    data = ("--data", "my \N{FIRE} rows.csv", "--target", "name of the class")
    answer = bare("train", "--loss", "bce + kl", "--teacher", "nb", *data, *SMALL[2:], cwd=place)
    assert answer.returncode == 0, answer.stderr
    (run,) = (place / "runs").iterdir()
    assert run.name == "my \N{FIRE} rows-1"
    assert read_run(run).manifest["data"]["class_names"] == ["é0", "é1"]
    for arguments in (("predict", run, "my \N{FIRE} rows.csv"), ("evaluate", run)):
        answer = bare(*arguments, cwd=place)
        assert answer.returncode == 0, answer.stderr
        assert "é1".encode() in answer.stdout or arguments[0] == "evaluate"


# -- a folder that goes, a disk that fills, while a training runs ----------------------------------


def test_a_run_deleted_while_it_trains_is_saved_all_the_same(tmp_path, monkeypatch):
    from tfloss.report import run as reports

    description = reports.run_description

    def deleted(*arguments):
        shutil.rmtree(tmp_path / "runs")
        return description(*arguments)

    monkeypatch.setattr(reports, "run_description", deleted)
    answer = command("train", "--loss", "bce", *SMALL, "--runs", tmp_path / "runs")
    assert answer.code == 0, answer.err
    assert len(read_run(tmp_path / "runs" / "breast_cancer-1").history) == 2


def test_a_comparison_that_can_keep_nothing_goes_on(tmp_path, monkeypatch):
    """No room for what is finished, and then the folder is gone: told, and saved at the end."""
    from tfloss.comparison import run as comparing

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    evaluated = comparing._evaluated

    def deleted(*arguments):
        shutil.rmtree(tmp_path / "runs")
        return evaluated(*arguments)

    monkeypatch.setattr("tfloss.comparison.replicates.saved.write_checked", full)
    monkeypatch.setattr(comparing, "_evaluated", deleted)
    arguments = ("bce", "--seeds", "2", *SMALL, "--runs", tmp_path / "runs")
    with pytest.warns(UserWarning, match=r"finished cannot be kept .* \(No space left") as caught:
        answer = command("compare", *arguments)
    assert answer.code == 0, answer.err
    assert len([w for w in caught if "cannot be kept" in str(w.message)]) == 1
    results = json.loads((tmp_path / "runs" / "compare-1" / "results.json").read_text())
    assert results["formulas"] == ["bce"]


# -- the clock -------------------------------------------------------------------------------------


def test_a_clock_that_went_back_keeps_no_leftovers_and_removes_no_living_ones(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = tmp_path / f".writing-{atomic._host()}-{dead.pid}-x.npz"
    living = tmp_path / f"{atomic._prefix()}y.npz"
    for path in (left, living):
        path.write_bytes(b"half")
        os.utime(path, (time.time() + 10**8,) * 2)
    assert remove_leftovers(tmp_path) == [left]
    assert living.exists()


def test_trainings_of_one_second_have_names_of_their_own(monkeypatch):
    names = []

    class Heard:
        def start(self, name, config):
            names.append(name)

    monkeypatch.setattr(time, "strftime", lambda *_: "20261025-023000")  # twice, that night
    for _ in range(5):
        with Tracking([("heard", Heard())], Config(formula="bce"), print) as tracking:
            tracking.start()
    assert len(set(names)) == 5
    assert all(name.startswith("breast_cancer-20261025-023000-") for name in names)


# -- six at a time -------------------------------------------------------------------------------


def test_six_trainings_in_one_folder_with_one_cache(tmp_path, full_size):
    if not full_size:
        pytest.skip("six processes that import TensorFlow; writers of both: test_crashes.py")
    arguments = ("train", "--loss", "bce + kl", "--teacher", "nb", *SMALL)
    arguments += ("--runs", str(tmp_path / "runs"), "--cache", str(tmp_path / "cache"))
    program = [sys.executable, "-c", "from tfloss.cli.main import main; main()", *arguments]
    started = [subprocess.Popen(program, stderr=subprocess.PIPE) for _ in range(6)]
    for process in started:
        _, said = process.communicate()
        assert process.returncode == 0, said
    runs = [read_run(path) for path in sorted((tmp_path / "runs").iterdir())]
    assert len(runs) == 6
    assert len({json.dumps(run.history) for run in runs}) == 1
    assert len(list((tmp_path / "cache").iterdir())) == 1
    assert not list(Path(tmp_path).rglob(".writing-*"))
    assert not list((tmp_path / "runs").glob("*/checkpoints"))
