"""The same seed gives the same bytes in every process, whatever Python's hashes are."""

from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
import sys
import zipfile

TRAIN = ("train", "--loss", "bce + 0.1*abs_kl + 1e-3*l2('*/kernel')", "--teacher", "rf")
SMALL = ("--train-size", "60", "--epochs", "5", "--quiet")


def digests(runs, hash_seed: int, *options: str) -> tuple[str, str]:
    """SHA-256 of the weights and of the metrics, from a new process."""
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    command = [sys.executable, "-m", "tfloss", *TRAIN, *SMALL, *options]
    subprocess.run([*command, "--runs", str(runs)], check=True, env=environment, timeout=300)
    run = runs / "breast_cancer-1"
    with zipfile.ZipFile(run / "student.keras") as archive:
        weights = archive.read("model.weights.h5")
    metrics = (run / "metrics.jsonl").read_bytes()
    return tuple(hashlib.sha256(content).hexdigest() for content in (weights, metrics))


def test_fresh_processes_give_the_same_bytes(tmp_path, full_size):
    cases = list(itertools.product(range(5), (0, 1, 2))) if full_size else [(0, 0), (1, 2)]
    found = {
        digests(tmp_path / f"{process}-{hash_seed}", hash_seed) for process, hash_seed in cases
    }
    assert len(found) == 1
    print(f"{len(cases)} processes: {found}")
