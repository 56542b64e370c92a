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


def digests(runs):
    """SHA-256 of the weights and of the metrics."""
    run = runs / "breast_cancer-1"
    with zipfile.ZipFile(run / "student.keras") as archive:
        weights = archive.read("model.weights.h5")
    metrics = (run / "metrics.jsonl").read_bytes()
    return tuple(hashlib.sha256(content).hexdigest() for content in (weights, metrics))


def in_a_new_process(runs, hash_seed):
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    command = [sys.executable, "-m", "tfloss", *TRAIN, "--runs", str(runs)]
    subprocess.run(command, check=True, env=environment, timeout=300)
    return digests(runs)


def test_fresh_processes_give_the_same_bytes(tmp_path, full_size):
    assert tfloss(*TRAIN, "--runs", tmp_path / "here").code == 0
    found = {digests(tmp_path / "here")}
    cases = list(itertools.product(range(5), (0, 1, 2))) if full_size else [(0, 2)]
    found |= {in_a_new_process(tmp_path / f"{n}-{hashes}", hashes) for n, hashes in cases}
    assert len(found) == 1
    print(f"{len(cases)} new processes and this one: {found}")
