"""A comparison or search that was killed goes on, and ends with the same bytes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

import tfloss as package
from tests.cli.running import tfloss
from tfloss.comparison.comparison import Comparison
from tfloss.comparison.replicates import piece_training
from tfloss.comparison.replicates.program import Replicates
from tfloss.comparison.replicates.saved import UnfinishedPiece
from tfloss.comparison.run import run_comparison
from tfloss.errors import UsageError
from tfloss.io.lock import FolderLock
from tfloss.training.config import Config

FORMULAS = ("bce", "bce + 0.5*mae", "bce + linear(0, 1, epochs=2)*mae")
CONFIG = Config(formula="bce", epochs=4, evaluate_every=2, train_size=20, teacher=("lr",))
SAME = ("results.json", "results.csv", "results.parquet", "metrics.jsonl", "table.tex")

# Ends itself, as by a power cut, once it has written the second file of finished replicates.
KILLED = """
import os, signal, sys
from tests.cli import running
from tfloss.comparison.replicates.saved import SavedReplicates

write = SavedReplicates.write

def write_and_die(self, place, seeds, found):
    write(self, place, seeds, found)
    if place == 1:
        os.kill(os.getpid(), signal.SIGKILL)

SavedReplicates.write = write_and_die
from tfloss.cli.main import main
main(sys.argv[1:])
"""

# Says which programs are made.
NOTED = """
import sys
from tests.cli import running
from tfloss.comparison.replicates import trainer

make = trainer.make_program

def noted(piece, *more):
    print("trains", *piece.family.positions)
    return make(piece, *more)

trainer.make_program = noted
from tfloss.cli.main import main
main(sys.argv[1:])
"""


def in_new_process(program, *arguments):
    """A process of its own, as users have one: an old one may round evaluations differently."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def arguments(runs):
    options = ["--epochs", "4", "--evaluate-every", "2", "--train-size", "20", "--teacher", "lr",
               "--seeds", "3", "--quiet", "--runs", str(runs)]  # fmt: skip
    return ["compare", *FORMULAS, *options]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A comparison that nothing interrupted."""
    runs = tmp_path_factory.mktemp("whole")
    done = in_new_process(NOTED, *arguments(runs))
    assert done.returncode == 0, done.stderr
    return runs / "compare-1"


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """The same, killed when two of three formulas were finished."""
    runs = tmp_path_factory.mktemp("killed")
    done = in_new_process(KILLED, *arguments(runs))
    assert done.returncode == -signal.SIGKILL, done.stderr
    return runs / "compare-1"


def test_a_killed_comparison_goes_on_to_the_same_bytes(whole, killed, tmp_path):
    folder = tmp_path / "compare-1"
    shutil.copytree(killed, folder)
    assert not (folder / "manifest.json").exists()
    done = in_new_process(NOTED, "compare", "--resume", folder, "--quiet")
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if "trains" in line] == ["trains 2"]
    for name in SAME:
        assert (folder / name).read_bytes() == (whole / name).read_bytes(), name
    assert not (folder / "replicates").exists()
    assert not (folder / "teachers").exists()
    manifests = [json.loads((one / "manifest.json").read_text()) for one in (folder, whole)]
    assert manifests[0]["sha256"].keys() == manifests[1]["sha256"].keys()


def test_what_is_not_finished_is_no_result(killed):
    answer = tfloss("report", killed)
    assert answer.code == 2
    assert "Traceback" not in answer.err


def test_a_damaged_file_of_replicates_is_refused(killed, tmp_path):
    folder = tmp_path / "compare-1"
    shutil.copytree(killed, folder)
    (path,) = (folder / "replicates").glob("formula1-*.npz")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    answer = tfloss("compare", "--resume", folder, "--quiet")
    assert answer.code != 0
    assert path.name in answer.err
    assert "Traceback" not in answer.err


def test_other_rows_are_refused(killed, tmp_path, registry):
    folder = tmp_path / "compare-1"
    shutil.copytree(killed, folder)
    table = registry.datasets["breast_cancer"]()
    table.features[0, 0] += 1
    comparison = Comparison.of(FORMULAS, CONFIG, seeds=3)
    with pytest.raises(UsageError, match="other rows"):
        run_comparison(comparison, registry, folder=folder, table=table)
    assert folder.exists()


@pytest.mark.parametrize(
    ("more", "word"), [(["bce"], "as it is"), (["--epochs", "5"], "as it is"), ([], "finished")]
)
def test_nothing_can_be_changed_and_a_finished_one_is_refused(whole, killed, more, word):
    folder = whole if word == "finished" else killed
    answer = tfloss("compare", *more, "--resume", folder)
    assert answer.code == 2
    assert word in answer.err


def test_a_folder_in_which_nothing_was_finished_is_removed(tmp_path, registry):
    class EnoughError(package.TflossError):
        pass

    def refuse():
        raise EnoughError("Enough.")

    comparison = Comparison.of(["bce"], CONFIG.changed(teacher=()), seeds=2)
    with pytest.raises(EnoughError):
        run_comparison(comparison, registry, tmp_path, prepared=refuse)
    assert os.listdir(tmp_path) == []


class KilledError(BaseException):
    """Nothing in tfloss catches it."""


def test_one_formula_goes_on_within_its_program_to_the_same_bytes(tmp_path, registry, monkeypatch):
    """A loss with variables, Adam, a remainder: all that a step changes is kept."""
    formula = "bce + 0.1*centre(embedding=hidden1)"
    config = CONFIG.changed(
        formula=formula, teacher=(), epochs=8, batch_size=8, model="mlp:4", compile="graph"
    )
    comparison = Comparison.of([formula], config, seeds=2)
    undisturbed = run_comparison(comparison, registry, tmp_path / "whole").folder
    monkeypatch.setattr(piece_training, "SAVE_EVERY", 0.0)
    write, trained = UnfinishedPiece.write, []

    def write_and_die(self, arrays):
        write(self, arrays)
        if len(arrays["train"]) == 4:
            raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(UnfinishedPiece, "write", write_and_die)
        with pytest.raises(KilledError):
            run_comparison(comparison, registry, tmp_path / "killed")
    folder = tmp_path / "killed" / "compare-1"
    chunk = Replicates.train_chunk
    monkeypatch.setattr(
        Replicates,
        "train_chunk",
        lambda self, *a, **k: trained.append(a[1]) or chunk(self, *a, **k),
    )
    run_comparison(comparison, registry, folder=folder)
    assert trained == [12, 18]  # the steps of two of four chunks, three a epoch
    for name in SAME:
        assert (folder / name).read_bytes() == (undisturbed / name).read_bytes(), name


def test_a_second_process_in_the_folder_is_refused(killed):
    lock = FolderLock(killed / "replicates", "compares")
    lock.acquire()
    try:
        refused = tfloss("compare", "--resume", killed, "--quiet")
    finally:
        lock.release()
    assert refused.code == 2
    assert "Another process" in refused.err
    assert "Traceback" not in refused.err
