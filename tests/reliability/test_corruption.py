"""Corruption is noticed: what is cut off or flipped is refused, or reads as what was written."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tests.cli.running import tfloss
from tfloss.data import load_dataset, prepare
from tfloss.errors import TflossError
from tfloss.registry import Teacher
from tfloss.report.run import ANSWERS, run_description, run_results
from tfloss.runs.folder import read_run, write_run
from tfloss.runs.train import run
from tfloss.teachers import save_teacher
from tfloss.teachers.cache import _read
from tfloss.training.config import Config, read_config

FILES = (
    "config.toml",
    "metrics.jsonl",
    "student.keras",
    "split.npz",
    "rows.npz",
    "result.json",
    ANSWERS,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, registry):
    """A run with a cached teacher, and a saved one."""
    place = tmp_path_factory.mktemp("runs")
    values = {"formula": "bce + 0.1*kl", "teacher": ["lr"], "epochs": 2, "model": "mlp:3"}
    config = Config.from_mapping(values, origin="test")
    from tfloss.runs.train import prepare_run

    ready = prepare_run(config, registry, cache=place / "cache")
    result = run(config, registry, ready=ready)
    also = run_description(result, config.batch_size)
    written = write_run(place, config, result, also=also)
    (cached,) = (place / "cache").glob("*.npz")
    shutil.copy(cached, written / "cached.npz")
    data = prepare(load_dataset("breast_cancer", registry))
    estimator = LogisticRegression(max_iter=5000).fit(data.train.inputs, data.train.codes)
    save_teacher(estimator, written / "saved.skops", data.train.inputs)
    return written


def everything(folder: Path, registry) -> list[bytes]:
    """All that a run's folder says, through the loaders of evaluate, predict and report."""
    read = read_run(folder)
    weights = read.student().model.get_weights() if read.verified("student.keras") else []
    return [
        repr((read.config, read.manifest, read.result, read.history)).encode(),
        repr(run_results([read], registry)).encode(),
        *(rows.tobytes() for rows in read.rows.values()),
        read.kept_rows().inputs.tobytes(),
        *(values.tobytes() for values in weights),
    ]


def config_alone(folder: Path, registry) -> list[bytes]:
    """As `tfloss train --config` reads it."""
    return [repr(read_config(folder / "config.toml")).encode()]


def cached(folder: Path, registry) -> list[bytes]:
    outcome = _read(folder / "cached.npz")
    if outcome is None:  # it is computed once more
        raise TflossError("not found")
    arrays = [*outcome.train.items(), *outcome.holdout.items()]
    told = repr((sorted(outcome.scores), outcome.scores, outcome.notes)).encode()
    return [told, *(name.encode() + values.tobytes() for name, values in arrays)]


def saved(folder: Path, registry) -> list[bytes]:
    found = registry.get(Teacher, str(folder / "saved.skops")).function()
    estimator, hashes = found.estimator, found.seen.to_arrays()
    return [
        estimator.coef_.tobytes(),
        estimator.intercept_.tobytes(),
        repr(sorted(hashes)).encode(),
        *(np.asarray(values).tobytes() for values in hashes.values()),
    ]


READERS = [
    *((name, everything) for name in (*FILES, "manifest.json")),
    ("config.toml", config_alone),
    ("cached.npz", cached),
    ("saved.skops", saved),
]


def damaged(content: bytes, number: int, way: str) -> bytes:
    """The content, cut off or with one bit flipped, at a place that `number` decides."""
    generator = np.random.default_rng(number)
    place = int(generator.integers(len(content)))
    if way == "truncated":
        return content[:place]
    flipped = bytearray(content)
    flipped[place] ^= 1 << int(generator.integers(8))
    return bytes(flipped)


@pytest.mark.parametrize("way", ["truncated", "flipped"])
@pytest.mark.parametrize(("name", "read"), READERS, ids=lambda x: getattr(x, "__name__", x))
def test_damage_is_refused_or_changes_nothing(folder, registry, full_size, name, read, way):
    path = folder / name
    whole = path.read_bytes()
    expected = read(folder, registry)
    refused = 0
    try:
        for number in range(200 if full_size else 25):
            path.write_bytes(damaged(whole, number, way))
            try:
                found = read(folder, registry)
            except TflossError:  # anything else would be a traceback
                refused += 1
            else:
                assert found == expected, f"{name} {way} {number}"
    finally:
        path.write_bytes(whole)
    assert refused > 0
    assert read(folder, registry) == expected


@pytest.mark.parametrize("name", FILES)
def test_the_command_line_says_which_file(folder, name):
    path, command = (
        folder / name,
        "report" if name in ("metrics.jsonl", "split.npz", ANSWERS) else "evaluate",
    )
    whole = path.read_bytes()
    path.write_bytes(whole[:-3] + b"xyz")
    try:
        answer = tfloss(command, str(folder))
    finally:
        path.write_bytes(whole)
    assert answer.code in (2, 4)
    assert name in answer.err or "not the folder of a finished run" in answer.err
    assert "Traceback" not in answer.err
