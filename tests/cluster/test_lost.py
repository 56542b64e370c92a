"""Workers that are killed, stopped or asked to end while they train, as users start them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.cli.running import tfloss
from tfloss.cluster.description import Cluster
from tfloss.cluster.launch import free_ports

LIMIT = 150.0  # seconds of any wait
TRAIN = ["train", "--loss", "bce", "--train-size", "64", "--epochs", "100", "--quiet"]
SAVING = [*TRAIN, "--checkpoint-every", "2epochs"]


def start(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tfloss", *map(str, arguments)],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_until(condition, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + LIMIT
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.01)


def is_saved(runs: Path) -> bool:
    return any(runs.glob("breast_cancer-1/checkpoints/step-*.npz"))


def worker_1(launcher: int) -> int:
    """Its process, of those that the launcher has started."""
    children = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    mine = [pid for pid in children if '"index": 1' in Path(f"/proc/{pid}/environ").read_text()]
    return int(mine[0])


def weights(run: Path) -> list[np.ndarray]:
    return keras.models.load_model(run / "student.keras").get_weights()


def test_a_killed_worker_is_started_again_and_the_result_is_that_of_one_process(tmp_path):
    launcher = start(
        "launch", "-n", 2, "--restarts", 1, "--logs", tmp_path, "--", *SAVING, "--runs", tmp_path
    )
    try:
        wait_until(lambda: is_saved(tmp_path), launcher)
        os.kill(worker_1(launcher.pid), signal.SIGKILL)
        said = launcher.communicate(timeout=LIMIT)[0]
    finally:
        launcher.send_signal(signal.SIGTERM)
    assert launcher.returncode == 0, said
    assert "was killed by SIGKILL; restart 1 of 1." in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["breast_cancer-1", "launch-1"]
    assert sorted(path.name for path in (tmp_path / "launch-1").glob("*.log")) == [
        "worker-0.log",
        "worker-1.log",
    ]
    assert (tmp_path / "breast_cancer-1" / "manifest.json").exists()
    assert not (tmp_path / "breast_cancer-1" / "checkpoints").exists()
    alone = tfloss(*TRAIN, "--runs", tmp_path / "alone")
    assert alone.code == 0, alone.err
    one, two = (
        weights(tmp_path / "alone" / "breast_cancer-1"),
        weights(tmp_path / "breast_cancer-1"),
    )
    for here, there in zip(one, two, strict=True):
        np.testing.assert_allclose(here, there, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("number", "codes", "words"),
    [
        (signal.SIGKILL, (6, -9), "Error: Worker 1 (127.0.0.1:"),
        (signal.SIGSTOP, (6, None), "Error: Worker 1 (127.0.0.1:"),
        (signal.SIGTERM, (143, 143), "all of it is saved"),
    ],
)
def test_without_a_launcher(number, codes, words, tmp_path, full_size):
    """As on two machines: nobody but the other worker notices."""
    if not full_size:
        pytest.skip("TFLOSS_TEST_SIZE=full")
    addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(2))
    options = [*SAVING, "--epochs", "100000", "--runs", tmp_path]
    pair = [
        start(*options, TF_CONFIG=Cluster(addresses, index, "test").as_tf_config())
        for index in range(2)
    ]
    try:
        wait_until(lambda: is_saved(tmp_path), pair[0])
        pair[1].send_signal(number)
        began = time.monotonic()
        said = pair[0].communicate(timeout=LIMIT)[0]
        assert time.monotonic() - began < 60
        assert (pair[0].returncode, None if codes[1] is None else pair[1].wait(LIMIT)) == codes, (
            said
        )
    finally:
        for process in pair:
            process.kill()
    assert words in said
    assert "tfloss train --resume" in said
    assert "step" in said
