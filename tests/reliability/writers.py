"""Processes that write one artefact over and over, each time a later version, until they die.

A child is forked from a process that has imported what it needs, so that a hundred of them cost
seconds. TensorFlow is not among it: it does not survive a fork.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

import tfloss
from tfloss.errors import DataError, UsageError
from tfloss.io.atomic import remove_leftovers, sha256, whole_folder, write_text, write_whole
from tfloss.io.finished import MANIFEST
from tfloss.runs.folder import read_run, unfinished_run, write_run
from tfloss.teachers.cache import cached
from tfloss.teachers.fitting.plan import TeacherPredictions
from tfloss.training.checkpoints.manager import Checkpoints
from tfloss.training.config import Config
from tfloss.training.history import History
from tfloss.training.loop.progress import Progress

SIZE = 40_000  # float32 values in a version; some milliseconds of writing


def content(version: int) -> np.ndarray:
    """A version's values, which nothing compresses and no other version has."""
    values = np.random.default_rng(version).random(SIZE, np.float32)
    values[0] = version
    return values


def version_of(values: np.ndarray) -> int:
    version = int(values[0])
    np.testing.assert_array_equal(values, content(version), "two versions are mixed")
    return version


class Artefact:
    """Something that is written: `write` a version, `read` the version that is there, 0: none."""

    def write(self, folder: Path, version: int) -> None:
        raise NotImplementedError

    def read(self, folder: Path) -> int:
        raise NotImplementedError

    def start(self, folder: Path) -> None:
        """What the next start does before anything else."""
        remove_leftovers(folder)


class File(Artefact):
    """Any file of a run's folder."""

    def write(self, folder, version):
        write_whole(folder / "file.npz", lambda path: np.savez(path, values=content(version)))

    def read(self, folder):
        if not (folder / "file.npz").exists():
            return 0
        with np.load(folder / "file.npz") as archive:
            return version_of(archive["values"])


class Weights:
    """What a checkpoint saves of a training."""

    def __init__(self, version: int = 0) -> None:
        self.values = content(version)

    def snapshot(self):
        return [self.values, np.array(7)]

    def restore(self, values):
        self.values = values[0]


class Checkpoint(Artefact):
    """As while training."""

    identity = {"formula": "bce"}  # noqa: RUF012

    def write(self, folder, version):
        if getattr(self, "kept", None) is None:
            self.kept = Checkpoints(folder, resume=True).__enter__()
            self.kept.begin(self.identity)
            self.kept.restore(Weights(), History(("bce",), 1))
        self.kept.save(Weights(version), history_of(version), Progress(version))

    def read(self, folder):
        with Checkpoints(folder, resume=True) as kept:
            if kept.fingerprint is None:
                return 0
            weights, history = Weights(), History(("bce",), 1)
            progress = kept.restore(weights, history)
            assert version_of(weights.values) == progress.epoch == len(history)
            return progress.epoch

    def start(self, folder):
        with Checkpoints(folder, resume=True):
            pass


def history_of(version: int) -> History:
    history = History(("bce",), 1)
    history.extend(1, np.ones((version, 2), np.float32), None)
    return history


class Cache(Artefact):
    """A teacher's answers."""

    def write(self, folder, version):
        cached(f"key{version}", folder, lambda: outcome(version))

    def read(self, folder):
        found = [0]
        for path in folder.glob("teacher-*.npz"):
            version = int(path.stem.removeprefix("teacher-key"))

            def refuse() -> Any:
                raise AssertionError("an answer in the cache cannot be read")

            answers = cached(f"key{version}", folder, refuse).train[""]
            assert version_of(answers) == version
            found.append(version)
        return max(found)


def outcome(version: int) -> TeacherPredictions:
    return TeacherPredictions({"": content(version)}, {"": content(version)[:10]}, {}, ())


class RunFolder(Artefact):
    """A whole run, from its begin to its manifest, in a folder of its own each time."""

    data = tfloss.load_data("breast_cancer", train_size=20, test_size=10)
    config = Config(formula="bce")

    def write(self, folder, version):
        also = {"answers.json": json.dumps([version] * 9_999)}
        write_run(folder, self.config, result(version, self.data), also=also)

    def read(self, folder):
        finished = 0
        for path in folder.glob("breast_cancer-*"):
            try:
                run = read_run(path)
            except UsageError:  # not finished, and said so; it can be gone on with
                if (path / "config.toml").exists():
                    assert unfinished_run(path) == self.config
                continue
            for name, digest in run.manifest["sha256"].items():
                assert sha256(path / name) == digest
            held = np.frombuffer((path / "student.keras").read_bytes(), np.float32)
            assert version_of(held) == len(run.history)
            finished = max(finished, len(run.history))
        return finished

    def start(self, folder):
        for path in folder.glob("breast_cancer-*"):
            remove_leftovers(path)


def result(version: int, data: Any) -> Any:
    """What a training gives, as far as its folder is concerned."""
    return SimpleNamespace(
        history=history_of(version),
        student=SimpleNamespace(
            link="", forward_model=SimpleNamespace(save=lambda path: content(version).tofile(path))
        ),
        objective=SimpleNamespace(text="bce", logged=(), values=lambda: {"a/b": np.ones(3)}),
        data=data,
        scores={},
        teachers={},
        events=[],
        remarks=[],
        seconds={},
        compiled_as="graph",
        compiled_because="",
    )


class Comparison(Artefact):
    """The folder of a comparison: there with all its files, or not there."""

    def write(self, folder, version):
        with whole_folder(folder, "compare") as place:
            for name in ("results.json", "results.csv", "metrics.jsonl"):
                content(version).tofile(place[0] / name)
            write_text(place[0] / MANIFEST, json.dumps(version))

    def read(self, folder):
        found = [0]
        for path in folder.glob("compare-*"):
            version = json.loads((path / MANIFEST).read_text())
            for name in ("results.json", "results.csv", "metrics.jsonl"):
                assert version_of(np.fromfile(path / name, np.float32)) == version
            found.append(version)
        return max(found)


ARTEFACTS: dict[str, Callable[[], Artefact]] = {
    "file": File,
    "checkpoint": Checkpoint,
    "teachers' cache": Cache,
    "run folder": RunFolder,
    "comparison": Comparison,
}


def child(work: Callable[[Callable[[int], None]], None]) -> tuple[int, int]:
    """Fork a process that does `work`, which reports numbers; its pid, and where they come out."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        os.close(writer)
        return pid, reader
    try:
        os.close(reader)
        work(lambda number: os.write(writer, number.to_bytes(4, "little")) and None)
    except BaseException as error:
        kind = 2 if isinstance(error, UsageError) else 4 if isinstance(error, DataError) else 1
        if kind == 1:
            traceback.print_exc()
        os._exit(kind)
    os._exit(0)


def numbers(reader: int) -> list[int]:
    """All that a child reported until it ended."""
    with os.fdopen(reader, "rb") as pipe:
        content = pipe.read()
    return [int.from_bytes(content[n : n + 4], "little") for n in range(0, len(content) - 3, 4)]


def kill_while_writing(artefact: Artefact, folder: Path, first: int, seconds: float) -> list[int]:
    """Versions from `first` on until SIGKILL comes, so many seconds after the first report.

    Returns:
        the versions that were reported as written; a first 0 stands for "at it".
    """

    def work(report: Callable[[int], None]) -> None:
        report(0)
        version = first
        while True:
            artefact.write(folder, version)
            report(version)
            version += 1

    pid, reader = child(work)
    os.read(reader, 4)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return numbers(reader)
