"""Whole jobs, from a CSV file on the command line to an exported student that runs without tfloss.

Small tables here; at full size (TFLOSS_TEST_SIZE=full) every format, in a process that cannot
import tfloss.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.running import tfloss
from tests.runs import whole_jobs
from tests.runs.whole_jobs import JOBS
from tfloss.report.tables import figure

pytest.importorskip("onnxruntime")
pytest.importorskip("tf2onnx")

ALONE = """
import importlib.abc, pathlib, runpy, sys
class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0].startswith("tfloss"):
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
import json, numpy as np
here, format, exported, rows, features, to = sys.argv[1:]
ask = runpy.run_path(here)["ask"]
answers = ask(format, pathlib.Path(exported), pathlib.Path(rows), json.loads(features))
np.save(to, answers)
"""


@dataclass
class Done:
    """What a job left: the run's `result.json`, its features, and by format the largest error."""

    result: dict[str, Any]
    features: list[str]
    errors: dict[str, float] = field(default_factory=dict)


def carried_out(name: str, folder: Path, *, full: bool, formats: tuple[str, ...]) -> Done:
    """Train, evaluate, predict with ids, export and ask what was exported."""
    job = JOBS[name]
    rows, run = folder / f"{name}.csv", folder / "runs" / f"{name}-1"
    job.write(rows, full)
    trained = tfloss(
        *("train", "--data", rows, "--target", job.target, "--drop", "id", *job.options),
        *("--runs", folder / "runs", "--evaluate-every", "2"),
    )
    assert trained.code == 0, trained.err
    result = json.loads((run / "result.json").read_text())
    _evaluated(run, result)
    predicted = _predicted(run, rows, job)
    data = json.loads((run / "manifest.json").read_text())["data"]
    done = Done(result, data["features"])
    for format in formats:
        path = folder / f"student{'' if format == 'savedmodel' else _ENDINGS[format]}"
        options = ("--with-scaler", "--probs", "--output", path)
        exported = tfloss("export", run, "--format", format, *options)
        assert exported.code == 0, exported.err
        answers = _asked(format, path, rows, done.features, alone=full)
        done.errors[format] = float(np.abs(answers - predicted).max() / max(1, predicted.max()))
    return done


_ENDINGS = {"keras": ".keras", "onnx": ".onnx", "litert": ".tflite"}


def _evaluated(run: Path, result: dict[str, Any]) -> None:
    """The scores of the training again, from the run alone."""
    answer = tfloss("evaluate", run)
    assert answer.code == 0, answer.err
    for name in {"log_loss", "r2"} & set(result["scores"]["student on holdout"]):
        assert figure(result["scores"]["student on holdout"][name]) in answer.out


def _predicted(run: Path, rows: Path, job: whole_jobs.Job) -> np.ndarray:
    """(n, k): a probability for each class, that of the second of two, or the quantity."""
    out = run.parent / "predicted.csv"
    answer = tfloss("predict", run, rows, "--id", "id", "--output", out)
    assert answer.code == 0, answer.err
    with out.open(newline="") as file:
        header, *lines = csv.reader(file)
    assert [line[0] for line in lines[:3]] == ["row-0", "row-1", "row-2"]
    first = 1 if header[1] == "prediction" else 3 if len(header) == 4 else 2
    return np.array([line[first:] for line in lines], np.float64)


def _asked(format: str, path: Path, rows: Path, features: list[str], alone: bool) -> np.ndarray:
    if not alone:
        return whole_jobs.ask(format, path, rows, features)
    answers = path.parent / "answers.npy"
    said = (whole_jobs.__file__, format, path, rows, json.dumps(features), answers)
    done = subprocess.run(
        [sys.executable, "-c", ALONE, *map(str, said)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return np.load(answers)


@pytest.mark.parametrize("name", JOBS)
def test_from_a_file_to_a_student_without_tfloss(name, full_size, tmp_path):
    job = JOBS[name]
    formats = job.formats if full_size else (job.once,)
    done = carried_out(name, tmp_path, full=full_size, formats=formats)
    assert set(done.errors) == set(formats)
    assert max(done.errors.values()) < 1e-4
    # Better than the most frequent class, and than the mean.
    scores = done.result["scores"]["student on holdout"]
    least = {"mixed": 0.7, "letters": 0.5, "wide": 0.7, "long": 0.4, "counts": 0.5}[name]
    assert scores["r2" if name == "counts" else "accuracy"] > least, scores
