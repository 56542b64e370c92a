"""The same seed gives the same bytes in every process, whatever Python's hashes are."""

from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
import sys
import zipfile

from tests.cli.running import tfloss

FORMULA = "bce + 0.1*abs_kl + 1e-3*l2('*/kernel')"
TRAIN = ("train", "--loss", FORMULA, "--teacher", "rf", "--train-size", "60", "--epochs", "5")
TRAIN += ("--quiet",)


def written(runs):
    """SHA-256 of the weights, and what the metrics say."""
    run = runs / "breast_cancer-1"
    with zipfile.ZipFile(run / "student.keras") as archive:
        weights = archive.read("model.weights.h5")
    return hashlib.sha256(weights).hexdigest(), (run / "metrics.jsonl").read_text()


def in_a_new_process(runs, hash_seed):
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    command = [sys.executable, "-m", "tfloss", *TRAIN, "--runs", str(runs)]
    subprocess.run(command, check=True, env=environment, timeout=300)
    return written(runs)


def test_fresh_processes_give_the_same_bytes(tmp_path, full_size):
    assert tfloss(*TRAIN, "--runs", tmp_path / "here").code == 0
    here = written(tmp_path / "here")
    cases = list(itertools.product(range(5), (0, 1, 2))) if full_size else [(0, 2)]
    for number, hashes in cases:
        assert in_a_new_process(tmp_path / f"{number}-{hashes}", hashes) == here
    print(f"{len(cases)} new processes and this one: {here[0]}")
